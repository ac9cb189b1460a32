-- Revert room:room from pg

begin;

drop table rooms.room;

commit;

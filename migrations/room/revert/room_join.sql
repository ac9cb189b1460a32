-- Revert room:room_join from pg

begin;

drop function rooms.leave;
drop function rooms.join;

commit;

-- Revert room:functions from pg

begin;

drop function rooms.iso_time;

commit;

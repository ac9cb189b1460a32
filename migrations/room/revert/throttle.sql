-- Revert room:throttle from pg

begin;

drop function rooms.throttle_key;
drop table rooms.throttle;

commit;

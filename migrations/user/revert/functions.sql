-- Revert user:functions from pg

begin;

drop function users.iso_time;
drop function users.fold;

commit;

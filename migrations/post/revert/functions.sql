-- Revert post:functions from pg

begin;

drop function posts.iso_time;

commit;

-- Revert auth:session from pg

begin;

drop function auth.iso_time(timestamptz);
drop table auth.session;

commit;

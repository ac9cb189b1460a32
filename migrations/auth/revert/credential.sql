-- Revert auth:credential from pg

begin;

drop table auth.credential;

commit;

-- Revert auth:audit from pg

begin;

drop table auth.audit;

commit;

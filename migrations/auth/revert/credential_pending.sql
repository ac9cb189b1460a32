-- Revert auth:credential_pending from pg

begin;

alter table auth.session drop constraint session_credential;
alter table auth.credential drop column is_pending;

commit;

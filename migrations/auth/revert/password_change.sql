-- Revert auth:password_change from pg

begin;

drop function auth.reset_password;
drop function auth.set_password;
comment on column auth.credential.updated_at is null;

commit;

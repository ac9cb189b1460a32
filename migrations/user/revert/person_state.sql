-- Revert user:person_state from pg

begin;

drop index users.person_admin;

alter table users.person
    drop column email_verified_at,
    drop column disabled_at;

commit;

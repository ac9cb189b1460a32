-- Revert user:person_pending_email from pg

begin;

alter table users.person drop column pending_email;

commit;

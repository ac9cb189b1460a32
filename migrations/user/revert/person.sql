-- Revert user:person from pg

begin;

drop table users.person;

commit;

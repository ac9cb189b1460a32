-- Revert user:person_events from pg

begin;

drop trigger tell on users.person;
drop function users.tell_of_person;

commit;

-- Deploy user:person_pending_email to pg
-- requires: person_state

begin;

set local lock_timeout = '5s';

alter table users.person add column pending_email text collate "C";

comment on column users.person.pending_email is 'the email that takes the place of the verified one once its mailbox is shown to be theirs; others may want the same one: the first to show it has it';

commit;

-- Deploy user:person_state to pg
-- requires: person

begin;

set local lock_timeout = '5s';

alter table users.person
    add column email_verified_at timestamptz,
    add column disabled_at       timestamptz;

comment on column users.person.email_verified_at is 'when the person showed that the email''s mailbox is theirs; null: not yet';
comment on column users.person.disabled_at is 'when an admin shut the account; null: it is open';

-- How many admins are left to administer (the last one stays).
create index person_admin on users.person (id) where role = 'admin' and disabled_at is null;

commit;

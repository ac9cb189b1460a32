-- Deploy auth:credential_pending to pg
-- requires: session_events

begin;

set local lock_timeout = '5s';

-- Those that are there belong to people who are.
alter table auth.credential add column is_pending boolean not null default false;
alter table auth.credential alter column is_pending set default true;

create index credential_pending on auth.credential (updated_at) where is_pending;

comment on column auth.credential.is_pending is 'whether the user service has yet to tell that the person exists: a registration that broke off leaves one that nobody will ever own';

-- A session ends with the password that it began by, also when both change at the same moment. Not valid: sessions from before
-- may be of people who are gone; they end by themselves.
alter table auth.session
    add constraint session_credential foreign key (user_id) references auth.credential on delete cascade not valid;

commit;

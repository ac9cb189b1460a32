-- Deploy auth:credential to pg
-- requires: schema

begin;

set local lock_timeout = '5s';

create table auth.credential (
    user_id    bigint      primary key check (user_id > 0),
    hash       text        not null check (hash <> ''),
    updated_at timestamptz not null default now()
);

comment on table auth.credential is 'How a person proves to be who they are. One without a person is inert: ids are never given twice';
comment on column auth.credential.user_id is 'users.person.id; no foreign key, for that table is another service''s';
comment on column auth.credential.hash is 'encoded with its algorithm and cost: Argon2id, or bcrypt of an imported account until its next login';

grant select, insert, update, delete on auth.credential to backend_auth;

commit;

-- Deploy user:person to pg
-- requires: functions

begin;

set local lock_timeout = '5s';

-- Collation "C": order and equality by bytes, which no library update changes under an index.
create table users.person (
    id         bigint           primary key check (id > 0),
    username   text collate "C" not null,
    email      text collate "C" not null,
    role       text             not null default 'user' check (role in ('user', 'admin')),
    created_at timestamptz      not null default now()
);

create unique index person_username on users.person (users.fold(username));
create unique index person_email on users.person (users.fold(email));

-- Apart from the table's inserts: an id is set aside before there is a person (user.reserve).
create sequence users.person_id owned by users.person.id;

comment on table users.person is 'Who people are. Usernames and emails are kept as they were sent, and unique without regard to case';

grant select, insert, update, delete on users.person to backend_user;
grant usage on sequence users.person_id to backend_user;

commit;

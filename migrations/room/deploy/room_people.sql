-- Deploy room:room_people to pg
-- requires: participant

begin;

set local lock_timeout = '5s';

-- Of each, the key finds the people of a room, and the other index the rooms of a person.

create table rooms.moderator (
    room_id      bigint      not null references rooms.room on delete cascade,
    user_id      bigint      not null check (user_id > 0),
    appointed_at timestamptz not null default clock_timestamp(),
    primary key (room_id, user_id)
);
create index moderator_user on rooms.moderator (user_id, room_id);

comment on table rooms.moderator is 'Who may admit, kick, ban and invite beside the owner, who has no row here';

create table rooms.ban (
    room_id   bigint      not null references rooms.room on delete cascade,
    user_id   bigint      not null check (user_id > 0),
    banned_by bigint      not null check (banned_by > 0),
    banned_at timestamptz not null default clock_timestamp(),
    primary key (room_id, user_id)
);
create index ban_user on rooms.ban (user_id, room_id);

create table rooms.invitation (
    room_id    bigint      not null references rooms.room on delete cascade,
    user_id    bigint      not null check (user_id > 0),
    invited_by bigint      not null check (invited_by > 0),
    invited_at timestamptz not null default clock_timestamp(),
    primary key (room_id, user_id)
);
create index invitation_user on rooms.invitation (user_id, room_id);

comment on table rooms.invitation is 'Who may join without a password and without waiting. It stays when it was used: who left may come back';

create table rooms.waiting (
    room_id bigint      not null references rooms.room on delete cascade,
    user_id bigint      not null check (user_id > 0),
    ordinal bigint      not null generated always as identity,
    since   timestamptz not null default clock_timestamp(),
    primary key (room_id, user_id)
);
create unique index waiting_order on rooms.waiting (room_id, ordinal);
create index waiting_user on rooms.waiting (user_id, room_id);

comment on table rooms.waiting is 'Who waits to be admitted, the lowest ordinal first. Whoever writes here locks the room''s row first';

create index participant_user on rooms.participant (user_id, room_id);

grant select, insert, update, delete on rooms.moderator, rooms.ban, rooms.invitation, rooms.waiting to backend_room;

commit;

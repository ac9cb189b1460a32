-- Deploy room:participant to pg
-- requires: room

begin;

set local lock_timeout = '5s';

create table rooms.participant (
    room_id   bigint      not null references rooms.room on delete cascade,
    user_id   bigint      not null check (user_id > 0),
    joined_at timestamptz not null default now(),
    primary key (room_id, user_id)
);

comment on table rooms.participant is 'Who is in which room. Whoever writes here locks the room''s row first, and keeps its participant_count';

grant select, insert, update, delete on rooms.participant to backend_room;

commit;

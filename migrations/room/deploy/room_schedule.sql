-- Deploy room:room_schedule to pg
-- requires: room

begin;

set local lock_timeout = '5s';

-- Minutes are the same in every time zone, which Postgres cannot know of an interval in general.
create function rooms.closing_time(ends_at timestamptz, first_joined_at timestamptz, minutes integer) returns timestamptz
    language plpgsql immutable parallel safe as $$
begin
    return least(ends_at, first_joined_at + make_interval(mins => minutes));
end
$$;

create function rooms.phase_at(moment timestamptz, starts_at timestamptz, closes_at timestamptz) returns text
    language sql immutable parallel safe
    return case when closes_at <= moment then 'ended' when starts_at > moment then 'scheduled' else 'open' end;

comment on function rooms.phase_at is 'what a room is at a moment: scheduled, open, ended';

alter table rooms.room
    add version              bigint      not null default 1 check (version > 0),
    add invite_only          boolean     not null default false,
    add unlisted             boolean     not null default false,
    add waiting_room         boolean     not null default false,
    add starts_at            timestamptz,
    add ends_at              timestamptz,
    add max_duration_minutes integer     check (max_duration_minutes > 0),
    add first_joined_at      timestamptz,
    add phase                text        not null default 'open' check (phase in ('scheduled', 'open', 'ended')),
    add closes_at            timestamptz
        generated always as (rooms.closing_time(ends_at, first_joined_at, max_duration_minutes)) stored,
    add constraint room_ends_after_start check (ends_at > starts_at);

create index room_listed on rooms.room (id) where not unlisted;
create index room_listed_active on rooms.room (id) where not unlisted and is_active;
create index room_owner on rooms.room (owner_id, id);
create index room_to_start on rooms.room (starts_at) where phase = 'scheduled';
create index room_to_close on rooms.room (closes_at) where phase <> 'ended' and closes_at is not null;

comment on column rooms.room.version is 'one more with each change of what people set';
comment on column rooms.room.invite_only is 'joining needs an invitation, or the password where there is one';
comment on column rooms.room.unlisted is 'shown only to who has to do with the room: see rooms.knows';
comment on column rooms.room.first_joined_at is 'when max_duration_minutes began; null: nobody has joined since the room was last scheduled';
comment on column rooms.room.closes_at is 'when everyone is out; null: never';
comment on column rooms.room.phase is 'what has been made so, and told, of the schedule. What holds is rooms.phase_at now; rooms.settle closes the gap';

commit;

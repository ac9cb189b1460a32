-- Deploy room:room_now to pg
-- requires: room_view_phase
-- requires: room_search
-- requires: room_moderators_fill

begin;

set local lock_timeout = '5s';

-- Named as the reply's JSON. Times are times: to write them as text costs a fifth of the statement that reads a room, and the
-- service nearly nothing. now() is when the transaction began: a function that waited for the room's lock may have settled
-- what came since.
create view rooms.room_now as
    select id,
           name,
           description,
           is_private as "isPrivate",
           max_participants as "maxParticipants",
           is_active as "isActive",
           case when phase = 'ended' or closes_at <= now() then 0 else participant_count end as "participantCount",
           created_at as "createdAt",
           updated_at as "updatedAt",
           owner_id as "ownerId",
           password_hash is not null as "hasPassword",
           invite_only as "inviteOnly",
           unlisted,
           waiting_room as "waitingRoom",
           starts_at as "startsAt",
           ends_at as "endsAt",
           max_duration_minutes as "maxDurationMinutes",
           rooms.status_of(room) as status,
           coalesce(moderators, '{}') as moderators,
           version
      from rooms.room;

comment on view rooms.room_now is 'rooms as clients see them; whoever is in a room that has ended is out, whether or not that has been made so';

create or replace view rooms.room_view as
    select id, name, description, "isPrivate", "maxParticipants", "isActive", "participantCount",
           rooms.iso_time("createdAt") as "createdAt",
           rooms.iso_time("updatedAt") as "updatedAt",
           "ownerId", "hasPassword", "inviteOnly", unlisted, "waitingRoom",
           rooms.iso_time("startsAt") as "startsAt",
           rooms.iso_time("endsAt") as "endsAt",
           "maxDurationMinutes", status, moderators, version
      from rooms.room_now;

comment on view rooms.room_view is 'rooms.room_now with times as text: what the functions that change rooms reply';

grant select on rooms.room_now to backend_room;

commit;

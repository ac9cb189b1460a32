-- Deploy room:room_view to pg
-- requires: room_schedule
-- requires: room_people

begin;

set local lock_timeout = '5s';

-- Named as the reply's JSON. What no list shows (moderators) costs lists nothing: they do not select it.
create view rooms.room_view as
    select id,
           name,
           description,
           is_private as "isPrivate",
           max_participants as "maxParticipants",
           is_active as "isActive",
           case when closes_at <= now() then 0 else participant_count end as "participantCount",
           rooms.iso_time(created_at) as "createdAt",
           rooms.iso_time(updated_at) as "updatedAt",
           owner_id as "ownerId",
           password_hash is not null as "hasPassword",
           invite_only as "inviteOnly",
           unlisted,
           waiting_room as "waitingRoom",
           rooms.iso_time(starts_at) as "startsAt",
           rooms.iso_time(ends_at) as "endsAt",
           max_duration_minutes as "maxDurationMinutes",
           rooms.phase_at(now(), starts_at, closes_at) as status,
           array(select user_id from rooms.moderator where room_id = room.id order by appointed_at, user_id) as moderators,
           version
      from rooms.room;

comment on view rooms.room_view is 'rooms as clients see them; whoever is in a room that has ended is out, whether or not that has been made so';

create function rooms.knows(for_user bigint, for_room bigint, owner_id bigint) returns boolean
    language sql stable parallel safe
    return coalesce(owner_id = for_user, false)
           or exists (select from rooms.participant where room_id = for_room and user_id = for_user)
           or exists (select from rooms.invitation where room_id = for_room and user_id = for_user)
           or exists (select from rooms.moderator where room_id = for_room and user_id = for_user)
           or exists (select from rooms.waiting where room_id = for_room and user_id = for_user);

comment on function rooms.knows is 'whether somebody has to do with a room: then it is shown to them though it is unlisted';

create function rooms.moderates(for_user bigint, for_room bigint, owner_id bigint) returns boolean
    language sql stable parallel safe
    return coalesce(owner_id = for_user, false)
           or exists (select from rooms.moderator where room_id = for_room and user_id = for_user);

comment on function rooms.moderates is 'whether somebody owns or moderates a room';

grant select on rooms.room_view to backend_room;

commit;

-- Revert room:room_now from pg

begin;

create or replace view rooms.room_view as
    select id,
           name,
           description,
           is_private as "isPrivate",
           max_participants as "maxParticipants",
           is_active as "isActive",
           case when phase = 'ended' or closes_at <= now() then 0 else participant_count end as "participantCount",
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
           case
               when phase = 'ended' then phase
               when phase = 'open' then rooms.phase_at(now(), null, closes_at)
               else rooms.phase_at(now(), starts_at, closes_at)
           end as status,
           array(select user_id from rooms.moderator where room_id = room.id order by appointed_at, user_id) as moderators,
           version
      from rooms.room;

comment on view rooms.room_view is 'rooms as clients see them; whoever is in a room that has ended is out, whether or not that has been made so';

drop view rooms.room_now;

commit;

-- Revert room:room_view_phase from pg

begin;

create or replace view rooms.room_view as
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

commit;

-- write: gives user $2 a seat. No row: none is free, or the room is not active, or its password's hash is not $3 ('' = none).
-- The update locks the room and looks again at what others have just committed: k seats admit exactly k. Somebody who has a
-- seat violates participant's key, which takes the count back with it.
with room as (
    update rooms.room
       set participant_count = participant_count + 1
     where id = $1::bigint and is_active and participant_count < max_participants
       and coalesce(password_hash, '') = $3::text
    returning *
), participant as (
    insert into rooms.participant (room_id, user_id)
    select id, $2::bigint from room
)
select id, name, description, is_private as "isPrivate", max_participants as "maxParticipants", is_active as "isActive",
       participant_count as "participantCount", rooms.iso_time(created_at) as "createdAt",
       rooms.iso_time(updated_at) as "updatedAt", owner_id as "ownerId", password_hash is not null as "hasPassword"
  from room

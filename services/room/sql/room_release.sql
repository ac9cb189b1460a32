-- write: frees the seat of user $2. No row: the user has none, or there is no such room. Locks the room before the seat, as
-- room_admit does, so that the two never wait for each other.
with locked as (
    select id from rooms.room where id = $1::bigint for no key update
), freed as (
    delete from rooms.participant using locked
     where room_id = locked.id and user_id = $2::bigint
    returning room_id
)
update rooms.room
   set participant_count = participant_count - 1
  from freed
 where id = freed.room_id
returning id, name, description, is_private as "isPrivate", max_participants as "maxParticipants", is_active as "isActive",
          participant_count as "participantCount", rooms.iso_time(created_at) as "createdAt",
          rooms.iso_time(updated_at) as "updatedAt", owner_id as "ownerId", password_hash is not null as "hasPassword"

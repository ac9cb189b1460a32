-- read: one room
select id, name, description, is_private as "isPrivate", max_participants as "maxParticipants", is_active as "isActive",
       participant_count as "participantCount", rooms.iso_time(created_at) as "createdAt",
       rooms.iso_time(updated_at) as "updatedAt", owner_id as "ownerId", password_hash is not null as "hasPassword"
  from rooms.room
 where id = $1::bigint

-- write: what people set of a room; null keeps what is, an empty hash takes the password away
update rooms.room
   set name = coalesce($2::text, name),
       description = coalesce($3::text, description),
       is_private = coalesce($4::boolean, is_private),
       password_hash = nullif(coalesce($5::text, password_hash), ''),
       max_participants = coalesce($6::bigint, max_participants),
       is_active = coalesce($7::boolean, is_active),
       updated_at = now()
 where id = $1::bigint
returning id, name, description, is_private as "isPrivate", max_participants as "maxParticipants", is_active as "isActive",
          participant_count as "participantCount", rooms.iso_time(created_at) as "createdAt",
          rooms.iso_time(updated_at) as "updatedAt", owner_id as "ownerId", password_hash is not null as "hasPassword"

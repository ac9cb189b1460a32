-- write: a new room, with nobody in it
insert into rooms.room (name, description, is_private, password_hash, max_participants, is_active, owner_id)
values ($1::text, $2::text, $3::boolean, $4::text, $5::bigint, $6::boolean, $7::bigint)
returning id, name, description, is_private as "isPrivate", max_participants as "maxParticipants", is_active as "isActive",
          participant_count as "participantCount", rooms.iso_time(created_at) as "createdAt",
          rooms.iso_time(updated_at) as "updatedAt", owner_id as "ownerId", password_hash is not null as "hasPassword"

-- read: what decides whether user $2 may enter a room
select is_active, participant_count >= max_participants as is_full, coalesce(password_hash, '') as password_hash,
       exists (select from rooms.participant where room_id = room.id and user_id = $2::bigint) as is_member
  from rooms.room
 where id = $1::bigint

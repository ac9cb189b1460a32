-- read: who owns a room; null: nobody
select owner_id
  from rooms.room
 where id = $1::bigint

-- read: whether user $2 has to do with the room, which then is shown though it is unlisted
select rooms.knows($2::bigint, id, owner_id)
  from rooms.room
 where id = $1::bigint

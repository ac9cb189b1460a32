-- read: the room of a name, unless it is room $2
select id
  from rooms.room
 where name = $1::text and id <> $2::bigint

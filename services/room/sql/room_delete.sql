-- write: ends a room; whoever is in it is out
delete from rooms.room
 where id = $1::bigint
returning id

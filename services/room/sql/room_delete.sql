-- write: ends a room of version $3 (null: of any); whoever is in it is out
select rooms.delete_room($1::bigint, $2::bigint, $3::bigint) as outcome

-- write: ends a room that has one of the versions $3 (null: any); whoever is in it is out
select rooms.delete_room($1::bigint, $2::bigint, rooms.expect_version($1::bigint, $3::bigint[])) as outcome

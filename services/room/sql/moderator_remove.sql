-- write: user $3 takes the role of a moderator from user $2 ($4: an admin does)
select rooms.dismiss($1::bigint, $2::bigint, $3::bigint, $4::boolean) as outcome

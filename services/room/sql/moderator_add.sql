-- write: user $3 makes user $2 a moderator ($4: an admin does)
select rooms.appoint($1::bigint, $2::bigint, $3::bigint, $4::boolean) as outcome

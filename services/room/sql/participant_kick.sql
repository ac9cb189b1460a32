-- write: user $3 puts user $2 out ($4: an admin does)
select rooms.kick($1::bigint, $2::bigint, $3::bigint, $4::boolean) as outcome

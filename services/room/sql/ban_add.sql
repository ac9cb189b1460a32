-- write: user $3 bans user $2 ($4: an admin does)
select rooms.ban_user($1::bigint, $2::bigint, $3::bigint, $4::boolean) as outcome

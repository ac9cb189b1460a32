-- write: user $2 is not banned any more
select rooms.unban_user($1::bigint, $2::bigint) as outcome

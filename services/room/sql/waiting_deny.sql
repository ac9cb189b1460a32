-- write: user $3 turns user $2 away, who waits
select rooms.deny($1::bigint, $2::bigint, $3::bigint) as outcome

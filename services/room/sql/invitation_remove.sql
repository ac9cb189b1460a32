-- write: user $2 is not invited any more
select rooms.uninvite($1::bigint, $2::bigint) as outcome

-- write: user $3 invites user $2
select rooms.invite($1::bigint, $2::bigint, $3::bigint) as outcome

-- write: ends the sessions of user $1, all but $2
delete from auth.session
 where user_id = $1::bigint and id <> $2::bigint
returning id

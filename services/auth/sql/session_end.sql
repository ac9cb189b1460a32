-- write: ends session $1 of user $2
delete from auth.session
 where id = $1::bigint and user_id = $2::bigint
returning id

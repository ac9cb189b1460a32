-- write: ends a person's password
delete from auth.credential
 where user_id = $1::bigint

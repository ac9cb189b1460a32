-- write: the person of a password exists
update auth.credential
   set is_pending = false
 where user_id = $1::bigint and is_pending

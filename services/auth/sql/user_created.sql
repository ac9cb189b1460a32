-- write: the person that the event $1 tells of exists
update auth.credential
   set is_pending = false
 where user_id = ($1::text::jsonb->>'userId')::bigint and is_pending

-- read: the hash of a person's password, and when it was set
select hash, updated_at::text as set_at
  from auth.credential
 where user_id = $1::bigint

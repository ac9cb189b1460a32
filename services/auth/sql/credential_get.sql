-- read: the hash of a person's password
select hash
  from auth.credential
 where user_id = $1::bigint

-- read: at most $1 people whose password was set half a minute ago or earlier, without word yet that they exist
select user_id
  from auth.credential
 where is_pending and updated_at < now() - interval '30 seconds'
 order by updated_at
 limit $1::bigint

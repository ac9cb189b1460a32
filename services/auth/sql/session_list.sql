-- read: the sessions of a person, the newest first
select id, auth.iso_time(created_at) as "createdAt", auth.iso_time(rotated_at) as "lastUsedAt",
       auth.iso_time(expires_at) as "expiresAt", address, agent as "userAgent", id = $2::bigint as "current"
  from auth.session
 where user_id = $1::bigint and expires_at > now()
 order by id desc
 limit 1000

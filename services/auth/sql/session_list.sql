-- read: the sessions of a person, the newest first
select id, created_at as "createdAt", rotated_at as "lastUsedAt",
       expires_at as "expiresAt", address, agent as "userAgent", id = $2::bigint as "current"
  from auth.session
 where user_id = $1::bigint and expires_at > now()
 order by id desc
 limit 1000

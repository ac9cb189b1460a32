-- read: whose session it is, if it has not ended
select id as "sessionId", user_id as "userId"
  from auth.session
 where id = $1::bigint and expires_at > now()

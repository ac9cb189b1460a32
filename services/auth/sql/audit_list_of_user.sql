-- read: the same of one user's account
select id, at, action, actor_id as "actorId", user_id as "userId", address, request_id as "requestId"
  from auth.audit
 where user_id = $3::bigint and id < $1::bigint
 order by id desc
 limit $2::bigint

-- read: the same of one kind
select id, at, action, actor_id as "actorId", user_id as "userId", address, request_id as "requestId"
  from auth.audit
 where action = $3::text and id < $1::bigint
 order by id desc
 limit $2::bigint

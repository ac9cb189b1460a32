-- read: a page of what was done, the newest first
select id, auth.iso_time(at) as "at", action, actor_id as "actorId", user_id as "userId", address, request_id as "requestId"
  from auth.audit
 where id < $1::bigint
 order by id desc
 limit $2::bigint

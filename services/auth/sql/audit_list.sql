-- read: a page of what was done, the newest first. 101 is the longest one and one more: said as a
-- number, so that the plan is one for few rows
select id, at, action, actor_id as "actorId", user_id as "userId", address, request_id as "requestId"
  from (select * from auth.audit where id < $1::bigint order by id desc limit 101) here
 order by id desc
 limit $2::bigint

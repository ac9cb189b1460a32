-- read: a page of posts, newest first. 101 is the longest one and one more: said as a
-- number, so that the plan is one for few rows
select id, title, content, created_at as "createdAt", updated_at as "updatedAt",
       null as "user", author_id
  from (select * from posts.post where id < $1::bigint order by id desc limit 101) here
 order by id desc
 limit $2::bigint

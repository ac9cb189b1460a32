-- read: a page of posts, newest first
select id, title, content, posts.iso_time(created_at) as "createdAt", posts.iso_time(updated_at) as "updatedAt",
       null as "user", author_id
  from posts.post
 where id < $1::bigint
 order by id desc
 limit $2::bigint

-- read: one post
select id, title, content, created_at as "createdAt", updated_at as "updatedAt",
       null as "user", author_id
  from posts.post
 where id = $1::bigint

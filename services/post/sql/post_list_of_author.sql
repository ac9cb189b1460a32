-- read: a page of an author's posts, newest first
select id, title, content, created_at as "createdAt", updated_at as "updatedAt",
       null as "user", author_id
  from posts.post
 where author_id = $3::bigint and id < $1::bigint
 order by id desc
 limit $2::bigint

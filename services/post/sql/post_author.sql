-- read: whose a post is
select author_id
  from posts.post
 where id = $1::bigint

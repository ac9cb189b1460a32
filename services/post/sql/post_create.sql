-- write: a new post
with made as (
    insert into posts.post (author_id, title, content)
    values ($1::bigint, $2::text, $3::text)
    returning id, title, content, author_id, created_at, updated_at
), told as (
    select posts.tell('post.created', id, author_id, $1::bigint) from made
)
select id, title, content, created_at as "createdAt", updated_at as "updatedAt",
       null as "user", author_id
  from made, told

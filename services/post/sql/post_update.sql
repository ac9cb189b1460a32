-- write: what user $2 sets of a post; null keeps what is. No row: there is no such post
with changed as (
    update posts.post
       set title = coalesce($3::text, title), content = coalesce($4::text, content), updated_at = now()
     where id = $1::bigint
    returning id, title, content, author_id, created_at, updated_at
), told as (
    select posts.tell('post.updated', id, author_id, $2::bigint) from changed
)
select id, title, content, created_at as "createdAt", updated_at as "updatedAt",
       null as "user", author_id
  from changed, told

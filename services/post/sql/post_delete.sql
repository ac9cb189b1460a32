-- write: user $2 ends a post. No row: there is no such post
with gone as (
    delete from posts.post where id = $1::bigint returning id, author_id
)
select posts.tell('post.deleted', id, author_id, $2::bigint) from gone

-- write: ends at most $2 posts of the user that the event $1 tells of; how many
with gone as (
    delete from posts.post
     where id in (select id
                    from posts.post
                   where author_id = ($1::text::jsonb->>'userId')::bigint
                   order by id
                   limit $2::bigint)
    returning id, author_id
), told as (
    select posts.tell('post.deleted', id, author_id, null, 'user_deleted') from gone
)
select count(*) from told

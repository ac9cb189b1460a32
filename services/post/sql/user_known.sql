-- read: the next $2 users behind user $1, by id, of whom we know something
with recursive known (id) as (
    select posts.next_user($1::bigint)
    union all
    select posts.next_user(id) from known where id is not null
)
select id
  from known
 where id is not null
 limit $2::bigint

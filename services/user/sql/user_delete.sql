-- write: ends a person. No row: there is no such one, or it is the last admin (as in user_update)
with admin as materialized (
    select id
      from users.person
     where role = 'admin' and disabled_at is null
       and exists (select from users.person where id = $1::bigint and role = 'admin')
     order by id
       for update
)
delete from users.person
 where id = $1::bigint and not ((select count(*) from admin) = 1 and exists (select from admin where admin.id = $1::bigint))
returning id

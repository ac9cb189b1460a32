-- read: a page of people, by id
select id, username, email, role, users.iso_time(created_at) as "createdAt"
  from users.person
 where id > $1::bigint
 order by id
 limit $2::bigint

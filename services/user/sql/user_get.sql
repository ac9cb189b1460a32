-- read: one person
select id, username, email, role, users.iso_time(created_at) as "createdAt"
  from users.person
 where id = $1::bigint

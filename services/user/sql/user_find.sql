-- read: the person of a username, in any case
select id, username, email, role, users.iso_time(created_at) as "createdAt"
  from users.person
 where users.fold(username) = users.fold($1::text)

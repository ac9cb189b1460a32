-- write: another username, another email; null keeps what is
update users.person
   set username = coalesce($2::text, username), email = coalesce($3::text, email)
 where id = $1::bigint
returning id, username, email, role, users.iso_time(created_at) as "createdAt"

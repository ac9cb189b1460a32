-- read: those of the ids that are people's, by id
select id, username, email, role, created_at as "createdAt",
       null as rooms, email_verified_at is not null as "emailVerified", nullif(disabled_at is not null, false) as disabled,
       pending_email as "pendingEmail"
  from users.person
 where id = any($1::bigint[])
 order by id

-- read: the person of an email, in any case
select id, username, email, role, created_at as "createdAt",
       null as rooms, email_verified_at is not null as "emailVerified", nullif(disabled_at is not null, false) as disabled,
       pending_email as "pendingEmail"
  from users.person
 where users.fold(email) = users.fold($1::text)

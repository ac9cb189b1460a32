-- read: a page of people, by id. 101 is the longest one and one more: said as a
-- number, so that the plan is one for few rows
select id, username, email, role, created_at as "createdAt",
       null as rooms, email_verified_at is not null as "emailVerified", nullif(disabled_at is not null, false) as disabled,
       pending_email as "pendingEmail"
  from (select * from users.person where id > $1::bigint order by id limit 101) here
 order by id
 limit $2::bigint

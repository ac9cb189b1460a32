-- write: the person whose verified email it is becomes an admin
update users.person
   set role = 'admin'
 where users.fold(email) = users.fold($1::text) and email_verified_at is not null and role <> 'admin'
returning id

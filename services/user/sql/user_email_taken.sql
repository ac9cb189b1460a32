-- read: somebody else who has the email, in any case
select id
  from users.person
 where users.fold(email) = users.fold($1::text) and id <> $2::bigint

-- read: who a token's subject is now
select id as "userId", role
  from users.person
 where id = $1::bigint

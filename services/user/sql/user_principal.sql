-- read: who a token's subject is now
select id as "userId", role, disabled_at is not null as disabled
  from users.person
 where id = $1::bigint

-- read: those of the ids that are people's, by id
select id, username
  from users.person
 where id = any($1::bigint[])
 order by id

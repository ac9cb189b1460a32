-- write: ends a person
delete from users.person
 where id = $1::bigint
returning id

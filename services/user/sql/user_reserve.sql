-- write: sets an id aside for a new person. No row: the username or the email is taken
select nextval('users.person_id') as "userId"
 where not exists (select from users.person where users.fold(username) = users.fold($1::text))
   and not exists (select from users.person where users.fold(email) = users.fold($2::text))

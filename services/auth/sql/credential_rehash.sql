-- write: another hash $3 of the same password, unless the password was changed since its hash was $2
update auth.credential
   set hash = $3::text
 where user_id = $1::bigint and hash = $2::text

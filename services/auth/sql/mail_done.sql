-- write: a mail was sent, or need not be
delete from auth.mail
 where id = $1::bigint

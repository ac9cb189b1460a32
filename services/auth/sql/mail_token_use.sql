-- write: a token is used up
delete from auth.mail_token
 where hash = decode($2::text, 'hex') and kind = $1::text and expires_at > now()
returning user_id

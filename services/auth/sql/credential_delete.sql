-- write: ends a person's password, and what it began
with session as (
    delete from auth.session
     where user_id = $1::bigint
), token as (
    delete from auth.mail_token
     where user_id = $1::bigint
)
delete from auth.credential
 where user_id = $1::bigint

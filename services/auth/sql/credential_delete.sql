-- write: ends a person's password, and what it began
with token as (
    delete from auth.mail_token
     where user_id = $1::bigint
)
delete from auth.credential
 where user_id = $1::bigint

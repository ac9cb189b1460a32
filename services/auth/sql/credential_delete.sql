-- write: ends a person's password, and what it began
with session as (
    delete from auth.session
     where user_id = $1::bigint
)
delete from auth.credential
 where user_id = $1::bigint

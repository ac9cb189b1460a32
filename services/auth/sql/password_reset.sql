-- write: uses up the token $1 (its hash) for the password hash $2, and ends all that the old password began. No row: the token
-- is not good. Else whose it is, and the sessions that ended, one a row (null: none)
with token as (
    delete from auth.mail_token
     where hash = decode($1::text, 'hex') and kind = 'password_reset' and expires_at > now()
    returning user_id
), credential as (
    insert into auth.credential (user_id, hash)
    select user_id, $2::text from token
        on conflict (user_id) do update set hash = excluded.hash, updated_at = now()
), ended as (
    delete from auth.session
     using token
     where session.user_id = token.user_id
    returning session.id, session.user_id
)
select ended.id, token.user_id
  from token left join ended on true

-- write: a person's new password, also where there was none, and the end of the sessions that the old one began, all but $3:
-- their ids
with credential as (
    insert into auth.credential (user_id, hash)
    values ($1::bigint, $2::text)
        on conflict (user_id) do update set hash = excluded.hash, updated_at = now()
)
delete from auth.session
 where user_id = $1::bigint and id <> $3::bigint
returning id

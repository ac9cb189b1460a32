-- write: a person's new password, also where there was none
insert into auth.credential (user_id, hash)
values ($1::bigint, $2::text)
    on conflict (user_id) do update set hash = excluded.hash, updated_at = now()

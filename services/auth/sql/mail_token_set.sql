-- write: the token $3 (its hash) of kind $2 for user $1, mailed to $4, good for $5 seconds, in place of the one before. No row:
-- that one is not $6 seconds old
insert into auth.mail_token (user_id, kind, hash, email, expires_at)
values ($1::bigint, $2::text, decode($3::text, 'hex'), $4::text, now() + make_interval(secs => $5::bigint))
    on conflict (user_id, kind) do update
       set hash = excluded.hash, email = excluded.email, created_at = now(), expires_at = excluded.expires_at
     where mail_token.created_at <= now() - make_interval(secs => $6::bigint) or mail_token.email <> excluded.email
returning user_id

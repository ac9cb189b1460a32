-- write: $2 did once more what $1 names: how often it is in this window of $4 seconds, at most one more than the limit $3, and
-- how many seconds are left of it (it may have begun after us, while we waited for it)
insert into throttle as there (key, ends_at, used)
values (throttle_key($1::text, $2::text), now() + make_interval(secs => $4::bigint), 1)
    on conflict (key) do update
   set used = case when there.ends_at > now() then least(there.used, $3::bigint) + 1 else 1 end,
       ends_at = case when there.ends_at > now() then there.ends_at else excluded.ends_at end
returning used, least(greatest(ceil(extract(epoch from ends_at - now())), 1), $4)::bigint as left_s

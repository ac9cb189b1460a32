-- write: one more login from the address $1 and, unless that has had its $2 of them, one for the account $3, which may $4: how
-- often each is in its window of $5 seconds, at most one more than it may, and how many seconds are left of that (the window may
-- have begun after us, while we waited for it). Null: not counted
with address as (
    insert into throttle as there (key, ends_at, used)
    select throttle_key('login_address', $1::text), now() + make_interval(secs => $5::bigint), 1
     where $1::text is not null
        on conflict (key) do update
       set used = case when there.ends_at > now() then least(there.used, $2::bigint) + 1 else 1 end,
           ends_at = case when there.ends_at > now() then there.ends_at else excluded.ends_at end
    returning used, ends_at
), account as (
    insert into throttle as there (key, ends_at, used)
    select throttle_key('login_account', $3::text), now() + make_interval(secs => $5::bigint), 1
     where $3::text is not null and not exists (select from address where used > $2::bigint)
        on conflict (key) do update
       set used = case when there.ends_at > now() then least(there.used, $4::bigint) + 1 else 1 end,
           ends_at = case when there.ends_at > now() then there.ends_at else excluded.ends_at end
    returning used, ends_at
)
select false as is_account, used, least(greatest(ceil(extract(epoch from ends_at - now())), 1), $5)::bigint as left_s from address
union all
select true, used, least(greatest(ceil(extract(epoch from ends_at - now())), 1), $5)::bigint from account

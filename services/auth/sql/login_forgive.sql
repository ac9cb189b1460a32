-- write: a login from the address $1, which may $2 of them, was no failure of the account $3: it does not count, nor do the
-- account's before it. The address first, as where both are counted: so that neither waits for the other
with uncounted as (
    update throttle
       set used = least(used, $2::bigint) - 1
     where key = throttle_key('login_address', $1::text) and used > 0
    returning 1
)
delete from throttle
 where key = throttle_key('login_account', $3::text) and (select count(*) from uncounted) >= 0

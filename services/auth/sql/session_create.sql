-- write: begins a session of user $1, and ends the oldest ones beyond the $8 a user may have. Gives all of them. No row: the
-- password is another than the one set at $9 (null: whichever), or there is none. It stays until we have committed
-- (auth.set_password). $10, where not null, is in the audit trail then, of request $11; and that login from the address $12,
-- which may $13 of them, was no failure of the account $14: it does not count, nor do the account's before it. The address
-- first, as where both are counted: so that neither waits for the other. Null: not counted
with credential as materialized (
    select user_id
      from auth.credential
     where user_id = $1::bigint and ($9::text is null or updated_at = $9::text::timestamptz)
       for share
), ended as (
    delete from auth.session
     where id = any (array(select id from auth.session
                            where user_id = (select user_id from credential)
                            order by id desc
                           offset $8::bigint - 1))
    returning id
), begun as (
    insert into auth.session (user_id, key_hash, token_hash, expires_at, address, agent)
    select user_id, decode($2::text, 'hex'), decode($3::text, 'hex'),
           now() + make_interval(secs => least($4::bigint, $5::bigint)), $6::text, $7::text
      from credential
    returning id, expires_at
), noted as (
    insert into auth.audit (action, actor_id, user_id, address, request_id)
    select $10::text, $1::bigint, $1::bigint, $6::text, $11::text
      from begun
     where $10::text is not null
), uncounted as (
    update throttle
       set used = least(used, $13::bigint) - 1
     where key = throttle_key('login_address', $12::text) and used > 0 and exists (select from begun)
    returning 1
), forgiven as (
    delete from throttle
     where key = throttle_key('login_account', $14::text) and exists (select from begun)
       and (select count(*) from uncounted) >= 0
)
select id, true as is_new, floor(extract(epoch from expires_at))::bigint as expires_at_s from begun
union all
select id, false, 0 from ended

-- write: what was done to an account
insert into auth.audit (action, actor_id, user_id, address, request_id)
values ($1::text, $2::bigint, $3::bigint, $4::text, $5::text)

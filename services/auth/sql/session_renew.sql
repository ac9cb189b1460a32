-- write: another refresh token $3 for session $1 of user $2, whose access token was presented in place of the one there is
update auth.session
   set key_hash = decode($3::text, 'hex'), token_hash = decode($4::text, 'hex'), parent_hash = null, rotated_at = now(),
       expires_at = least(now() + make_interval(secs => $5::bigint), created_at + make_interval(secs => $6::bigint)),
       address = $7::text, agent = $8::text
 where id = $1::bigint and user_id = $2::bigint and expires_at > now()
returning floor(extract(epoch from expires_at))::bigint as expires_at_s

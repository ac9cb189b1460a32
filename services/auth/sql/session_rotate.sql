-- write: a refresh token $3 (its hash) of session $1 is presented: the current one gives way to $4; the one before it is good
-- again for $5 seconds; any older one, known from a guess by the key $2 that all of a session's tokens share, ends the session.
-- No row: no such session. holds_next: the current token is $4 now, whoever has put it there
update auth.session
   set token_hash = case when token_hash = decode($3::text, 'hex') then decode($4::text, 'hex') else token_hash end,
       parent_hash = case when token_hash = decode($3::text, 'hex') then token_hash else parent_hash end,
       rotated_at = case when token_hash = decode($3::text, 'hex') then now() else rotated_at end,
       expires_at = case
           when token_hash = decode($3::text, 'hex') then
               least(now() + make_interval(secs => $6::bigint), created_at + make_interval(secs => $7::bigint))
           when parent_hash = decode($3::text, 'hex') and rotated_at > now() - make_interval(secs => $5::bigint) then expires_at
           else now()
       end,
       address = case when token_hash = decode($3::text, 'hex') then $8::text else address end,
       agent = case when token_hash = decode($3::text, 'hex') then $9::text else agent end
 where id = $1::bigint and user_id = $10::bigint and key_hash = decode($2::text, 'hex') and expires_at > now()
returning expires_at > now() as is_good, token_hash = decode($4::text, 'hex') as holds_next,
          floor(extract(epoch from expires_at))::bigint as expires_at_s

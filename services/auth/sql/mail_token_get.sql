-- read: whose token $2 (its hash) of kind $1 is, and where it was mailed, if it is good
select user_id, email
  from auth.mail_token
 where hash = decode($2::text, 'hex') and kind = $1::text and expires_at > now()

-- write: uses up the token $1 (its hash) for the password hash $2, and ends all that the old password began. No row: the token
-- is not good. Else whose it is, and the sessions that ended, one a row (null: none)
select session_id, person_id
  from auth.reset_password(decode($1::text, 'hex'), $2::text)

-- write: a person's new password, also where there was none, and the end of the sessions that the old one began, all but $3:
-- their ids
select id
  from auth.set_password($1::bigint, $2::text, $3::bigint) as ended (id)

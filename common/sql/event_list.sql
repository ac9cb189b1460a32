-- write: the next events for subscriber $1, who has handled those up to number $2: at most $3. Those that have no number
-- yet get theirs
select number, name, body::text as body
  from events_after($1::text, $2::bigint, $3::bigint)

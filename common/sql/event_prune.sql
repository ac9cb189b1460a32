-- write: of the oldest $1 events, removes those older than $2 seconds that every subscriber has passed, and those older than $3;
-- how many it removed, and which subscribers had not passed them
select removed, left_behind
  from prune_events($1::bigint, $2::bigint, $3::bigint)

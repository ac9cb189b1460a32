-- write: removes at most $1 events that every subscriber has passed and that are older than $2 seconds; how many it removed
select prune_events($1::bigint, $2::bigint)

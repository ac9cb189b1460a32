-- write: nothing that $2 did of what $1 names counts any more
delete from throttle
 where key = throttle_key($1::text, $2::text)

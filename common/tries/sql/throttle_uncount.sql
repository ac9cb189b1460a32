-- write: what $2 did of what $1 names does not count, once; whoever was refused beyond the limit $3 had not counted
update throttle
   set used = least(used, $3::bigint) - 1
 where key = throttle_key($1::text, $2::text) and used > 0

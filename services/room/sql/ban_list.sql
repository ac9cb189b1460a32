-- read: a page of who is banned, by user; the last column is where the next page begins
select user_id as "userId", null::text as username, banned_by as "bannedBy", banned_at as "bannedAt", user_id
  from rooms.ban
 where room_id = $1::bigint and user_id > $2::bigint
 order by user_id
 limit $3::bigint

-- read: a page of who is invited, by user; the last column is where the next page begins
select user_id as "userId", null::text as username, invited_by as "invitedBy", invited_at as "invitedAt",
       user_id
  from rooms.invitation
 where room_id = $1::bigint and user_id > $2::bigint
 order by user_id
 limit $3::bigint

-- read: a page of those who wait, behind the one whose ordinal is $2; the last column is where the next page begins
select user_id as "userId", null::text as username,
       row_number() over (order by ordinal)
           + (select count(*) from rooms.waiting where room_id = $1::bigint and ordinal <= $2::bigint) as position,
       since as "waitingSince", ordinal
  from rooms.waiting
 where room_id = $1::bigint and ordinal > $2::bigint
   and exists (select from rooms.room_now where id = $1::bigint and status <> 'ended')
 order by ordinal
 limit $3::bigint

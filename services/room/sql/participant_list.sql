-- read: a page of who is in a room, by user; the last column is where the next page begins
select user_id as "userId", null::text as username,
       case
           when user_id = "ownerId" then 'owner'
           when exists (select from rooms.moderator where room_id = $1::bigint and user_id = participant.user_id) then 'moderator'
           else 'participant'
       end as role,
       joined_at as "joinedAt", user_id
  from rooms.participant
  join rooms.room_now on id = room_id and status <> 'ended'
 where room_id = $1::bigint and user_id > $2::bigint
 order by user_id
 limit $3::bigint

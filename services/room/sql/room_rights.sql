-- read: what user $2 may do with a room ($3: an admin)
select $3::boolean or rooms.knows($2::bigint, id, owner_id) or not unlisted as may_see,
       $3::boolean or rooms.moderates($2::bigint, id, owner_id)
           or (coalesce(closes_at > now(), true)
               and exists (select from rooms.participant where room_id = id and user_id = $2::bigint)) as may_meet,
       $3::boolean or rooms.moderates($2::bigint, id, owner_id) as may_moderate,
       $3::boolean or coalesce(owner_id = $2::bigint, false) as may_own
  from rooms.room
 where id = $1::bigint

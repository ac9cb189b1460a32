-- read: a page of rooms, by id, as user $3 sees them ($4: an admin). Unlisted ones are found
-- by what makes them known to the user: of each kind a page's worth is enough:
-- 101, the longest page and one more, said as a number so that the plan is one for few rows.
with seen (id) as (
    (select id from rooms.room where not unlisted and id > $1::bigint order by id limit 101)
    union
    (select id from rooms.room where $4::boolean and id > $1::bigint order by id limit 101)
    union
    (select id from rooms.room where owner_id = $3::bigint and id > $1::bigint order by id limit 101)
    union
    (select room_id from rooms.participant
      where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101)
    union
    (select room_id from rooms.invitation
      where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101)
    union
    (select room_id from rooms.moderator
      where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101)
    union
    (select room_id from rooms.waiting
      where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101)
)
select id, name, description, "isPrivate", "maxParticipants", "isActive", "participantCount", "createdAt", "updatedAt",
       "ownerId", "hasPassword", "inviteOnly", unlisted, "waitingRoom", "startsAt", "endsAt", "maxDurationMinutes",
       status
  from rooms.room_view
 where id = any(array(select id from seen order by id limit $2::bigint))
 order by id

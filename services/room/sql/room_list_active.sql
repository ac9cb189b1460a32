-- read: a page of the active rooms, by id, as user $3 sees them ($4: an admin): listed ones, and unlisted ones by what makes
-- them known to the user. Of each kind a page's worth is enough. 101 is the longest page and one more: said as a number, so
-- that the plan is one for few rows.
with known (id) as (
    (select id from (select id from rooms.room where $4::boolean and is_active and id > $1::bigint
                      order by id limit 101) here limit $2::bigint)
    union
    (select id from (select id from rooms.room where owner_id = $3::bigint and unlisted and is_active and id > $1::bigint
                      order by id limit 101) here limit $2::bigint)
    union
    (select room_id from (select room_id from rooms.participant join rooms.room on id = room_id and is_active
                           where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101) here limit $2::bigint)
    union
    (select room_id from (select room_id from rooms.invitation join rooms.room on id = room_id and is_active
                           where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101) here limit $2::bigint)
    union
    (select room_id from (select room_id from rooms.moderator join rooms.room on id = room_id and is_active
                           where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101) here limit $2::bigint)
    union
    (select room_id from (select room_id from rooms.waiting join rooms.room on id = room_id and is_active
                           where user_id = $3::bigint and room_id > $1::bigint order by room_id limit 101) here limit $2::bigint)
)
select id, name, description, "isPrivate", "maxParticipants", "isActive", "participantCount", "createdAt", "updatedAt",
       "ownerId", "hasPassword", "inviteOnly", unlisted, "waitingRoom", "startsAt", "endsAt", "maxDurationMinutes",
       status
  from ((select * from (select * from rooms.room_now where not unlisted and "isActive" and id > $1::bigint
                         order by id limit 101) here limit $2::bigint)
        union all
        (select * from rooms.room_now where unlisted and "isActive" and id = any(array(
            select id from known order by id limit $2::bigint)))) seen
 order by id
 limit $2::bigint

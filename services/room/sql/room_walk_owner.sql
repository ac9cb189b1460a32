-- read: as room_walk, of the rooms of owner $5. The order is id's, said as the one index has it that passes over no unlisted
-- room
with wanted as materialized (
    select $5::bigint as owner, $6::text as status, rooms.fold($7::text) as part,
           case
               when coalesce($8::text, $9::text) is not null then tstzrange($8::text::timestamptz, $9::text::timestamptz)
           end as during
), seen (id) as materialized (
    (select id from rooms.room
      where owner_id = $5::bigint and not unlisted and id > $1::bigint
      order by owner_id, unlisted, id limit $2::bigint)
    union
    (select id from rooms.room
      where ($4::boolean or $5::bigint = $3::bigint)
        and owner_id = $5::bigint and unlisted and id > $1::bigint
      order by owner_id, unlisted, id limit $2::bigint)
    union
    (select id from rooms.known_after($3::bigint, $1::bigint, $2::bigint) as known (id))
    order by id
    limit $2::bigint
)
select id, name, description, "isPrivate", "maxParticipants", "isActive", "participantCount", "createdAt", "updatedAt",
       "ownerId", "hasPassword", "inviteOnly", unlisted, "waitingRoom", "startsAt", "endsAt", "maxDurationMinutes",
       status, null::bigint[] as moderators, looked_to
  from (select case when count(*) >= $2::bigint then max(id) end as looked_to
          from seen) as look
  left join (select room_now.*
               from rooms.room_now
              where id in (select room.id
                             from seen join rooms.room on room.id = seen.id, wanted
                            where rooms.matches(room, wanted.owner, wanted.status, wanted.part, wanted.during)
                            order by room.id
                            limit $10::bigint)) as shown on true
 order by id

-- read: as room_walk, of the rooms of status $6: by what was made so, and those whose time has come since then.
-- Each phase is written out, for how many rooms have it differs; id + 0: found by their time, not by their id
with wanted as materialized (
    select $5::bigint as owner, $6::text as status, rooms.fold($7::text) as part,
           case
               when coalesce($8::text, $9::text) is not null then tstzrange($8::text::timestamptz, $9::text::timestamptz)
           end as during
), seen (id) as materialized (
    (select id from rooms.room
      where $6::text = 'scheduled' and phase = 'scheduled' and not unlisted and id > $1::bigint
      order by phase, unlisted, id limit $2::bigint)
    union
    (select id from rooms.room
      where $6::text = 'open' and phase = 'open' and not unlisted and id > $1::bigint
      order by phase, unlisted, id limit $2::bigint)
    union
    (select id from rooms.room
      where $6::text = 'ended' and phase = 'ended' and not unlisted and id > $1::bigint
      order by phase, unlisted, id limit $2::bigint)
    union
    (select id from rooms.room
      where $4::boolean
        and $6::text = 'scheduled' and phase = 'scheduled' and unlisted and id > $1::bigint
      order by phase, unlisted, id limit $2::bigint)
    union
    (select id from rooms.room
      where $4::boolean
        and $6::text = 'open' and phase = 'open' and unlisted and id > $1::bigint
      order by phase, unlisted, id limit $2::bigint)
    union
    (select id from rooms.room
      where $4::boolean
        and $6::text = 'ended' and phase = 'ended' and unlisted and id > $1::bigint
      order by phase, unlisted, id limit $2::bigint)
    union
    (select id from rooms.room
      where phase = 'scheduled' and starts_at <= now() and (not unlisted or $4::boolean) and id + 0 > $1::bigint
      limit $2::bigint)
    union
    (select id from rooms.room
      where phase <> 'ended' and closes_at <= now() and (not unlisted or $4::boolean) and id + 0 > $1::bigint
      limit $2::bigint)
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

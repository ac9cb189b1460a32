-- read: the rooms of these ids. Who may see an unlisted one: room_known. Moderators are looked for once for all, not, as
-- the view does, for each: that is a third of the statement's time
select id, name, description, "isPrivate", "maxParticipants", "isActive", "participantCount", "createdAt", "updatedAt",
       "ownerId", "hasPassword", "inviteOnly", unlisted, "waitingRoom", "startsAt", "endsAt", "maxDurationMinutes",
       status, coalesce(appointed, '{}') as moderators, version
  from rooms.room_view
  left join (select room_id, array_agg(user_id order by appointed_at, user_id) as appointed
               from rooms.moderator
              where room_id = any($1::bigint[])
              group by room_id) as moderator on room_id = id
 where id = any($1::bigint[])
 order by id

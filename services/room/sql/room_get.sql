-- read: the rooms of these ids. Who may see an unlisted one: room_known
select id, name, description, "isPrivate", "maxParticipants", "isActive", "participantCount", "createdAt", "updatedAt",
       "ownerId", "hasPassword", "inviteOnly", unlisted, "waitingRoom", "startsAt", "endsAt", "maxDurationMinutes",
       status, moderators, version
  from rooms.room_now
 where id = any($1::bigint[])
 order by id

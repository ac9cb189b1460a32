-- read: one room, as user $2 sees it ($3: an admin)
select id, name, description, "isPrivate", "maxParticipants", "isActive", "participantCount", "createdAt", "updatedAt",
       "ownerId", "hasPassword", "inviteOnly", unlisted, "waitingRoom", "startsAt", "endsAt", "maxDurationMinutes",
       status, moderators
  from rooms.room_view
 where id = $1::bigint and (not unlisted or $3::boolean or rooms.knows($2::bigint, id, "ownerId"))

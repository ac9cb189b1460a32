-- write: user $2 leaves the room, or its queue ($3: an admin)
select (reply).id, (reply).name, (reply).description, (reply)."isPrivate", (reply)."maxParticipants", (reply)."isActive",
       (reply)."participantCount", (reply)."createdAt", (reply)."updatedAt", (reply)."ownerId", (reply)."hasPassword",
       (reply)."inviteOnly", (reply).unlisted, (reply)."waitingRoom", (reply)."startsAt", (reply)."endsAt",
       (reply)."maxDurationMinutes", (reply).status, (reply).moderators, (reply).version, outcome
  from rooms.leave($1::bigint, $2::bigint, $3::boolean)

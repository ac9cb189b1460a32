-- write: user $3 gives the room to user $2 ($4: an admin does)
select (reply).id, (reply).name, (reply).description, (reply)."isPrivate", (reply)."maxParticipants", (reply)."isActive",
       (reply)."participantCount", (reply)."createdAt", (reply)."updatedAt", (reply)."ownerId", (reply)."hasPassword",
       (reply)."inviteOnly", (reply).unlisted, (reply)."waitingRoom", (reply)."startsAt", (reply)."endsAt",
       (reply)."maxDurationMinutes", (reply).status, (reply).moderators, (reply).version, outcome
  from rooms.hand_over($1::bigint, $2::bigint, $3::bigint, $4::boolean)

-- write: user $2 admits those who wait, up to the seats
select (reply).id, (reply).name, (reply).description, (reply)."isPrivate", (reply)."maxParticipants", (reply)."isActive",
       (reply)."participantCount", (reply)."createdAt", (reply)."updatedAt", (reply)."ownerId", (reply)."hasPassword",
       (reply)."inviteOnly", (reply).unlisted, (reply)."waitingRoom", (reply)."startsAt", (reply)."endsAt",
       (reply)."maxDurationMinutes", (reply).status, (reply).moderators, (reply).version, outcome
  from rooms.admit_all($1::bigint, $2::bigint)

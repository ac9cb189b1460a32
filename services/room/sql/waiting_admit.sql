-- write: user $3 admits user $2, who waits
select (reply).id, (reply).name, (reply).description, (reply)."isPrivate", (reply)."maxParticipants", (reply)."isActive",
       (reply)."participantCount", (reply)."createdAt", (reply)."updatedAt", (reply)."ownerId", (reply)."hasPassword",
       (reply)."inviteOnly", (reply).unlisted, (reply)."waitingRoom", (reply)."startsAt", (reply)."endsAt",
       (reply)."maxDurationMinutes", (reply).status, (reply).moderators, (reply).version, outcome
  from rooms.admit($1::bigint, $2::bigint, $3::bigint)

-- write: a new room of user $1, with nobody in it
select (reply).id, (reply).name, (reply).description, (reply)."isPrivate", (reply)."maxParticipants", (reply)."isActive",
       (reply)."participantCount", (reply)."createdAt", (reply)."updatedAt", (reply)."ownerId", (reply)."hasPassword",
       (reply)."inviteOnly", (reply).unlisted, (reply)."waitingRoom", (reply)."startsAt", (reply)."endsAt",
       (reply)."maxDurationMinutes", (reply).status, (reply).moderators, (reply).version, outcome
  from rooms.create_room($1::bigint, $2::text, $3::text, $4::boolean, $5::text, $6::bigint, $7::boolean, $8::boolean,
                         $9::boolean, $10::boolean, $11::text, $12::text, $13::bigint)

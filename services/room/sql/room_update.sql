-- write: what user $2 sets of a room that has one of the versions $3 (null: any); null keeps what is, what is empty or 0 takes
-- it away
select (reply).id, (reply).name, (reply).description, (reply)."isPrivate", (reply)."maxParticipants", (reply)."isActive",
       (reply)."participantCount", (reply)."createdAt", (reply)."updatedAt", (reply)."ownerId", (reply)."hasPassword",
       (reply)."inviteOnly", (reply).unlisted, (reply)."waitingRoom", (reply)."startsAt", (reply)."endsAt",
       (reply)."maxDurationMinutes", (reply).status, (reply).moderators, (reply).version, outcome
  from rooms.change_room($1::bigint, $2::bigint, rooms.expect_version($1::bigint, $3::bigint[]), $4::text, $5::text,
                         $6::boolean, $7::text, $8::bigint, $9::boolean, $10::boolean, $11::boolean, $12::boolean,
                         $13::text, $14::text, $15::bigint)

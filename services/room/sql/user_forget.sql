-- write: takes the user that the event $1 tells of out of at most $2 rooms; of how many
select rooms.forget_user(($1::text::jsonb->>'userId')::bigint, $2::bigint)

-- write: the user that the event $1 tells of is gone, and writes no more
select posts.mark_gone(($1::text::jsonb->>'userId')::bigint)

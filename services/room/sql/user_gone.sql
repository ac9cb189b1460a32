-- write: the user that the event $1 tells of is gone: nobody writes it down any more
select rooms.mark_gone(($1::text::jsonb->>'userId')::bigint)

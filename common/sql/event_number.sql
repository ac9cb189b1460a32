-- write: gives events their numbers, so that they can be removed where nobody asks for them; whether there were any
select exists (select from outbox where number is null) as "hasMore", number_events()

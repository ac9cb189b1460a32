-- read: how many mails wait, how old in seconds the oldest is, and how many were given up; at most 10,000 are counted
select count(*) filter (where due_at < 'infinity') as waiting,
       coalesce(extract(epoch from now() - min(created_at) filter (where due_at < 'infinity'))::bigint, 0) as oldest,
       count(*) filter (where due_at = 'infinity') as "givenUp"
  from (select due_at, created_at from auth.mail order by due_at limit 10000) as mail

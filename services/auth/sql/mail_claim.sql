-- write: takes a mail that is due, for $1 seconds: should whoever took it die, it is due again then
update auth.mail
   set attempts = attempts + 1, due_at = now() + make_interval(secs => $1::bigint)
 where id = (select id
               from auth.mail
              where due_at <= now()
              order by due_at
              limit 1
                for update skip locked)
returning id, kind, user_id, email, attempts, extract(epoch from now() - created_at)::bigint as age_s

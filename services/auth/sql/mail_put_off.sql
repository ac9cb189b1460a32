-- write: a mail could not be sent: it is due again in $2 seconds; null: never
update auth.mail
   set due_at = coalesce(now() + make_interval(secs => $2::bigint), 'infinity')
 where id = $1::bigint

-- write: a new person, under an id that was set aside
insert into users.person (id, username, email)
values ($1::bigint, $2::text, $3::text)
returning id, username, email, role, created_at as "createdAt",
          null as rooms, email_verified_at is not null as "emailVerified", nullif(disabled_at is not null, false) as disabled,
          pending_email as "pendingEmail"

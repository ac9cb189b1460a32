-- write: a mail to be sent, about user $2 (null: whoever has the email), to email $3 ('': the user's)
insert into auth.mail (kind, user_id, email)
values ($1::text, $2::bigint, $3::text)

-- write: the first password of a person who is about to be
insert into auth.credential (user_id, hash)
values ($1::bigint, $2::text)

-- read: whether there is time between $1 and $2
select $1::text::timestamptz < $2::text::timestamptz

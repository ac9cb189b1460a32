-- write: the events of publisher $1 are handled up to number $2
insert into publisher (name, number)
values ($1::text, $2::bigint)
    on conflict (name) do update set number = greatest(publisher.number, excluded.number)

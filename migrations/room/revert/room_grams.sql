-- Revert room:room_grams from pg

begin;

create or replace function rooms.grams(text) returns text[]
    language sql immutable parallel safe cost 1000
    return array(select distinct substr(rooms.fold($1), place, 3)
                   from generate_series(1, length(rooms.fold($1)) - 2) as place);

commit;

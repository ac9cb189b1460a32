-- Deploy room:room_grams to pg
-- requires: room_search

begin;

set local lock_timeout = '5s';

-- What it returns is what it was: the indexes on it stand. "offset 0" keeps the folding out of what is done for each place.
create or replace function rooms.grams(text) returns text[]
    language sql immutable parallel safe cost 1000
    return array(select distinct substr(folded, place, 3)
                   from (select rooms.fold($1) as folded offset 0) as name, generate_series(1, length(folded) - 2) as place);

commit;

-- Deploy post:functions to pg
-- requires: schema

begin;

set local lock_timeout = '5s';

create function posts.iso_time(timestamptz) returns text
    language sql stable parallel safe
    return to_char($1 at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

comment on function posts.iso_time is 'ISO 8601 in UTC with milliseconds, as JavaScript writes it';

commit;

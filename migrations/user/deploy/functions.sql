-- Deploy user:functions to pg
-- requires: schema

begin;

set local lock_timeout = '5s';

-- Folds case by ICU's Unicode tables, whatever the database's locale is: under a locale of C, lower() alone knows ASCII only.
-- Upper first, because some letters have one upper and two lower forms (σ and ς, s and ſ). NFC first, because é may be written
-- as one character or as two. An index on it holds what this returns today: a function that folds otherwise gets another name.
create function users.fold(text) returns text
    language sql immutable parallel safe
    return lower(upper(normalize($1, nfc) collate "und-x-icu") collate "und-x-icu");

comment on function users.fold is 'what usernames and emails are compared by: the same for texts that differ in case only';

create function users.iso_time(timestamptz) returns text
    language sql stable parallel safe
    return to_char($1 at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');

comment on function users.iso_time is 'ISO 8601 in UTC with milliseconds, as JavaScript writes it';

commit;

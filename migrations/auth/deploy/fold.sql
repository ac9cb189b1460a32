-- Deploy auth:fold to pg
-- requires: schema

begin;

set local lock_timeout = '5s';

-- As users.fold, letter for letter: two spellings of one person's name must count as one here too.
create function auth.fold(text) returns text
    language sql immutable parallel safe
    return lower(upper(normalize($1, nfc) collate "und-x-icu") collate "und-x-icu");

comment on function auth.fold is 'the same for texts that differ in case only; as users.fold';

commit;

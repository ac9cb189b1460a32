-- Deploy auth:throttle to pg
-- requires: fold

begin;

set local lock_timeout = '5s';

-- Unlogged: a login that waits for its turn at a row need not wait for the disk too. A crash of the server, which nobody can
-- bring about from outside, begins all windows anew. Room is left in its pages, so that counting touches no index.
create unlogged table auth.throttle (
    key     bytea       primary key check (length(key) = 32),
    ends_at timestamptz not null,
    used    bigint      not null check (used >= 0)
) with (fillfactor = 70);

create index throttle_ends_at on auth.throttle (ends_at);

comment on table auth.throttle is 'How often somebody tried something, in windows that begin with the first time';
comment on column auth.throttle.key is 'auth.throttle_key of what was tried and by whom: names and addresses are not kept';
comment on column auth.throttle.used is 'one more than the limit where somebody was refused';

create function auth.throttle_key(kind text, value text) returns bytea
    language sql stable parallel safe
    return sha256(convert_to(kind || ' ' || auth.fold(value), 'UTF8'));

comment on function auth.throttle_key is 'under which auth.throttle counts; spellings in another case count together';

grant select, insert, update, delete on auth.throttle to backend_auth;

commit;

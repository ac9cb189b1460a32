-- Deploy room:throttle to pg
-- requires: schema

begin;

set local lock_timeout = '5s';

-- Unlogged: a join that waits for its turn at a row need not wait for the disk too. A crash of the server, which nobody can
-- bring about from outside, begins all windows anew. Room is left in its pages, so that counting touches no index.
create unlogged table rooms.throttle (
    key     bytea       primary key check (length(key) = 32),
    ends_at timestamptz not null,
    used    bigint      not null check (used >= 0)
) with (fillfactor = 70);

create index throttle_ends_at on rooms.throttle (ends_at);

comment on table rooms.throttle is 'How often somebody tried something, in windows that begin with the first time (common/tries.h)';
comment on column rooms.throttle.key is 'rooms.throttle_key of what was tried and by whom';
comment on column rooms.throttle.used is 'one more than the limit where somebody was refused';

create function rooms.throttle_key(kind text, value text) returns bytea
    language sql stable parallel safe
    return sha256(convert_to(kind || ' ' || value, 'UTF8'));

comment on function rooms.throttle_key is 'under which rooms.throttle counts';

grant select, insert, update, delete on rooms.throttle to backend_room;

commit;

-- Deploy room:room_sweep to pg
-- requires: room_changes

begin;

set local lock_timeout = '5s';

-- Waits for nobody: whoever holds a room's lock settles it.
create function rooms.sweep(most bigint) returns bigint
    language plpgsql as $$
declare
    this    rooms.room;
    settled bigint := 0;
    moment  constant timestamptz := clock_timestamp();
begin
    for this in
        select * from rooms.room
         where phase = 'scheduled' and starts_at <= moment
         order by starts_at limit most for no key update skip locked
    loop
        perform rooms.settle(this);
        settled := settled + 1;
    end loop;
    for this in
        select * from rooms.room
         where phase <> 'ended' and closes_at <= moment
         order by closes_at limit most for no key update skip locked
    loop
        perform rooms.settle(this);
        settled := settled + 1;
    end loop;
    return settled;
end
$$;

comment on function rooms.sweep is 'settles rooms whose start or end has come: at most so many of each; of how many';

commit;

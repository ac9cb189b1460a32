-- Verify room:outbox on pg: as the service's role

begin;

set local role backend_room;

do $$
declare
    last bigint := (select event_counter.last from rooms.event_counter);
begin
    insert into rooms.outbox (name, body) values ('verify.one', '{}'), ('verify.two', '{}');
    perform rooms.number_events() from generate_series(1, 1 + (select count(*) from rooms.outbox where number is null) / 1000);
    if (select array_agg(name order by number) from rooms.outbox where number > last and name like 'verify.%') <> '{verify.one,verify.two}' then
        raise exception 'rooms.outbox is not numbered in order';
    end if;
    if (select count(*) from rooms.events_after('verify', last, 1)) <> 1 then
        raise exception 'rooms.events_after does not find the next event';
    end if;
    if (select number from rooms.subscriber where name = 'verify') <> last then
        raise exception 'rooms.subscriber does not keep where a subscriber is';
    end if;
    perform rooms.prune_events(0, 0);
    insert into rooms.publisher (name, number) values ('verify', 1);
end
$$;

rollback;

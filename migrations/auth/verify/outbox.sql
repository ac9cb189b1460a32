-- Verify auth:outbox on pg: as the service's role

begin;

set local role backend_auth;

do $$
declare
    last bigint := (select event_counter.last from auth.event_counter);
begin
    insert into auth.outbox (name, body) values ('verify.one', '{}'), ('verify.two', '{}');
    perform auth.number_events() from generate_series(1, 1 + (select count(*) from auth.outbox where number is null) / 1000);
    if (select array_agg(name order by number) from auth.outbox where number > last and name like 'verify.%') <> '{verify.one,verify.two}' then
        raise exception 'auth.outbox is not numbered in order';
    end if;
    if (select count(*) from auth.events_after('verify', last, 1)) <> 1 then
        raise exception 'auth.events_after does not find the next event';
    end if;
    if (select number from auth.subscriber where name = 'verify') <> last then
        raise exception 'auth.subscriber does not keep where a subscriber is';
    end if;
    perform auth.prune_events(0, 0);
    insert into auth.publisher (name, number) values ('verify', 1);
end
$$;

rollback;

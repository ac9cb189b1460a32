-- Verify user:outbox on pg: as the service's role

begin;

set local role backend_user;

do $$
declare
    last bigint := (select event_counter.last from users.event_counter);
begin
    insert into users.outbox (name, body) values ('verify.one', '{}'), ('verify.two', '{}');
    perform users.number_events() from generate_series(1, 1 + (select count(*) from users.outbox where number is null) / 1000);
    if (select array_agg(name order by number) from users.outbox where number > last and name like 'verify.%') <> '{verify.one,verify.two}' then
        raise exception 'users.outbox is not numbered in order';
    end if;
    if (select count(*) from users.events_after('verify', last, 1)) <> 1 then
        raise exception 'users.events_after does not find the next event';
    end if;
    if (select number from users.subscriber where name = 'verify') <> last then
        raise exception 'users.subscriber does not keep where a subscriber is';
    end if;
    perform users.prune_events(0, 0);
    insert into users.publisher (name, number) values ('verify', 1);
end
$$;

rollback;

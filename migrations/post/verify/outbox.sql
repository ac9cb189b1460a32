-- Verify post:outbox on pg: as the service's role

begin;

set local role backend_post;

do $$
declare
    last bigint := (select event_counter.last from posts.event_counter);
begin
    insert into posts.outbox (name, body) values ('verify.one', '{}'), ('verify.two', '{}');
    perform posts.number_events() from generate_series(1, 1 + (select count(*) from posts.outbox where number is null) / 1000);
    if (select array_agg(name order by number) from posts.outbox where number > last and name like 'verify.%') <> '{verify.one,verify.two}' then
        raise exception 'posts.outbox is not numbered in order';
    end if;
    if (select count(*) from posts.events_after('verify', last, 1)) <> 1 then
        raise exception 'posts.events_after does not find the next event';
    end if;
    if (select number from posts.subscriber where name = 'verify') <> last then
        raise exception 'posts.subscriber does not keep where a subscriber is';
    end if;
    perform posts.prune_events(0, 0);
    insert into posts.publisher (name, number) values ('verify', 1);
end
$$;

rollback;

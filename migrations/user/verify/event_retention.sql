-- Verify user:event_retention on pg: as the service's role, on a log with a subscriber that has passed one of three old events

begin;

set local role backend_user;

do $$
declare
    pruned record;
begin
    delete from users.outbox;
    delete from users.subscriber;
    update users.event_counter set last = 103;
    insert into users.outbox (id, number, at, name, body) overriding system value
    values (9007199254740989, 101, now() - interval '1 hour', 'x', '{}'),
           (9007199254740990, 102, now() - interval '1 hour', 'x', '{}'),
           (9007199254740991, 103, now() - interval '1 hour', 'x', '{}');
    insert into users.subscriber (name, number) values ('behind', 101), ('ahead', 103);
    select * into pruned from users.prune_events(10, 60, 86400);
    if pruned.removed <> 1 or pruned.left_behind is not null then
        raise exception 'of what all have passed goes %', pruned;
    end if;
    select * into pruned from users.prune_events(10, 60, 60);
    if pruned.removed <> 1 or pruned.left_behind <> 'behind' or not exists (select from users.outbox where number = 103) then
        raise exception 'of what is too old goes %', pruned;
    end if;
end
$$;

rollback;

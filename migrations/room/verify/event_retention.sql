-- Verify room:event_retention on pg: as the service's role, on a log with a subscriber that has passed one of three old events

begin;

set local role backend_room;

do $$
declare
    pruned record;
begin
    delete from rooms.outbox;
    delete from rooms.subscriber;
    update rooms.event_counter set last = 103;
    insert into rooms.outbox (id, number, at, name, body) overriding system value
    values (9007199254740989, 101, now() - interval '1 hour', 'x', '{}'),
           (9007199254740990, 102, now() - interval '1 hour', 'x', '{}'),
           (9007199254740991, 103, now() - interval '1 hour', 'x', '{}');
    insert into rooms.subscriber (name, number) values ('behind', 101), ('ahead', 103);
    select * into pruned from rooms.prune_events(10, 60, 86400);
    if pruned.removed <> 1 or pruned.left_behind is not null then
        raise exception 'of what all have passed goes %', pruned;
    end if;
    select * into pruned from rooms.prune_events(10, 60, 60);
    if pruned.removed <> 1 or pruned.left_behind <> 'behind' or not exists (select from rooms.outbox where number = 103) then
        raise exception 'of what is too old goes %', pruned;
    end if;
    insert into rooms.room (id, name, is_private, max_participants, is_active) values (9007199254740991, 'verify', false, 2, true);
    insert into rooms.ban (room_id, user_id, banned_by) values (9007199254740991, 9007199254740991, 1);
    if rooms.next_user(9007199254740990) <> 9007199254740991 or rooms.next_user(9007199254740991) is not null then
        raise exception 'rooms.next_user does not find who is banned';
    end if;
end
$$;

rollback;

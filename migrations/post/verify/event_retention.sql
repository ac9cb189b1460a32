-- Verify post:event_retention on pg: as the service's role, on a log with a subscriber that has passed one of three old events

begin;

set local role backend_post;

do $$
declare
    pruned record;
begin
    delete from posts.outbox;
    delete from posts.subscriber;
    update posts.event_counter set last = 103;
    insert into posts.outbox (id, number, at, name, body) overriding system value
    values (9007199254740989, 101, now() - interval '1 hour', 'x', '{}'),
           (9007199254740990, 102, now() - interval '1 hour', 'x', '{}'),
           (9007199254740991, 103, now() - interval '1 hour', 'x', '{}');
    insert into posts.subscriber (name, number) values ('behind', 101), ('ahead', 103);
    select * into pruned from posts.prune_events(10, 60, 86400);
    if pruned.removed <> 1 or pruned.left_behind is not null then
        raise exception 'of what all have passed goes %', pruned;
    end if;
    select * into pruned from posts.prune_events(10, 60, 60);
    if pruned.removed <> 1 or pruned.left_behind <> 'behind' or not exists (select from posts.outbox where number = 103) then
        raise exception 'of what is too old goes %', pruned;
    end if;
    insert into posts.post (id, title, content, author_id) values (9007199254740991, 'x', 'x', 9007199254740991);
    if posts.next_user(9007199254740990) <> 9007199254740991 or posts.next_user(9007199254740991) is not null then
        raise exception 'posts.next_user does not find an author';
    end if;
end
$$;

rollback;

-- Deploy post:outbox to pg
-- requires: schema

begin;

set local lock_timeout = '5s';

-- A change that others care about is written here by the transaction that makes it. Its number comes later, once that has
-- committed: a number taken inside would be passed over by readers when the transaction ends after the next one's.
create table posts.outbox (
    id     bigint      generated always as identity primary key,
    number bigint      constraint outbox_number unique check (number > 0),
    at     timestamptz not null default clock_timestamp(),
    name   text        not null check (name <> ''),
    body   jsonb       not null
);

create index outbox_unnumbered on posts.outbox (id) where number is null;

comment on table posts.outbox is 'What happened, told to other services at least once and in order (SERVICE.events)';
comment on column posts.outbox.number is 'without gaps, from 1; null: committed so lately that nobody has asked since';

create table posts.event_counter (
    is_only boolean primary key default true check (is_only),
    last    bigint  not null default 0
);
insert into posts.event_counter default values;

comment on table posts.event_counter is 'one row: the last number that an event got. Whoever numbers events locks it';

create table posts.subscriber (
    name   text   primary key check (name <> ''),
    number bigint not null check (number >= 0)
);

comment on table posts.subscriber is 'Who asks for our events, and the last one it has handled: events stay until all have passed them. The row of a service that is no more is deleted by hand';

create table posts.publisher (
    name   text   primary key check (name <> ''),
    number bigint not null check (number >= 0)
);

comment on table posts.publisher is 'Whose events we handle, and the last one we have';

-- Each statement in it sees what committed before that statement: what is numbered is what was there once the lock was ours.
create function posts.number_events() returns void
    language plpgsql as $$
declare
    numbered bigint;
begin
    if not exists (select from posts.outbox where number is null) then
        return;
    end if;
    perform from posts.event_counter for update;
    with fresh as (
        select id, row_number() over (order by id) as place
          from (select id from posts.outbox where number is null order by id limit 1000) as unnumbered
    )
    update posts.outbox
       set number = event_counter.last + fresh.place
      from fresh, posts.event_counter
     where outbox.id = fresh.id;
    get diagnostics numbered = row_count;
    update posts.event_counter set last = last + numbered;
end
$$;

comment on function posts.number_events is 'gives committed events their numbers, at most 1,000 at once';

create function posts.events_after(subscriber_name text, after bigint, most bigint) returns setof posts.outbox
    language plpgsql as $$
begin
    perform posts.number_events();
    if not exists (select from posts.subscriber where name = subscriber_name and number >= after) then
        insert into posts.subscriber (name, number)
        values (subscriber_name, after)
            on conflict (name) do update set number = greatest(subscriber.number, excluded.number);
    end if;
    return query
        select * from posts.outbox where number > after order by number limit most;
end
$$;

comment on function posts.events_after is 'the next events of a subscriber that has handled those up to the number given';

create function posts.prune_events(most bigint, keep_s bigint) returns bigint
    language plpgsql as $$
declare
    removed bigint;
begin
    perform posts.number_events();
    delete from posts.outbox
     where number in (select number
                        from posts.outbox
                       where number <= (select coalesce(min(subscriber.number), 9223372036854775807) from posts.subscriber)
                         and at < now() - make_interval(secs => keep_s)
                       order by number
                       limit most);
    get diagnostics removed = row_count;
    return removed;
end
$$;

comment on function posts.prune_events is 'removes events that every subscriber has passed and that are older than keep_s seconds; how many';

grant select, insert, update, delete on posts.outbox, posts.subscriber, posts.publisher to backend_post;
grant select, update on posts.event_counter to backend_post;

commit;

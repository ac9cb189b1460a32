-- Revert post:outbox from pg

begin;

drop function posts.prune_events;
drop function posts.events_after;
drop function posts.number_events;
drop table posts.publisher;
drop table posts.subscriber;
drop table posts.event_counter;
drop table posts.outbox;

commit;

-- Revert auth:outbox from pg

begin;

drop function auth.prune_events;
drop function auth.events_after;
drop function auth.number_events;
drop table auth.publisher;
drop table auth.subscriber;
drop table auth.event_counter;
drop table auth.outbox;

commit;

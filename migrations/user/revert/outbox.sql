-- Revert user:outbox from pg

begin;

drop function users.prune_events;
drop function users.events_after;
drop function users.number_events;
drop table users.publisher;
drop table users.subscriber;
drop table users.event_counter;
drop table users.outbox;

commit;

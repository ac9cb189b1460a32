-- Revert room:outbox from pg

begin;

drop function rooms.prune_events;
drop function rooms.events_after;
drop function rooms.number_events;
drop table rooms.publisher;
drop table rooms.subscriber;
drop table rooms.event_counter;
drop table rooms.outbox;

commit;

-- Revert room:event_retention from pg

begin;

drop function rooms.next_user;
drop function rooms.prune_events(bigint, bigint, bigint);

commit;

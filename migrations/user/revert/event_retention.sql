-- Revert user:event_retention from pg

begin;

drop function users.prune_events(bigint, bigint, bigint);

commit;

-- Revert auth:event_retention from pg

begin;

drop function auth.next_user;
drop function auth.prune_events(bigint, bigint, bigint);

commit;

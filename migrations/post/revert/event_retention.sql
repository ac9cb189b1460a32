-- Revert post:event_retention from pg

begin;

drop function posts.next_user;
drop function posts.prune_events(bigint, bigint, bigint);

commit;

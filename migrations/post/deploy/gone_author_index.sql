-- Deploy post:gone_author_index to pg
-- requires: gone_author

begin;

set local lock_timeout = '5s';

-- No index knows clock_timestamp(), which is another at each row.
create or replace function posts.mark_gone(author bigint) returns void
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(73264572, posts.author_lock(author));
    insert into posts.gone_author (author_id) values (author) on conflict do nothing;
    delete from posts.gone_author where gone_at < now() - interval '1 hour';
end
$$;

commit;

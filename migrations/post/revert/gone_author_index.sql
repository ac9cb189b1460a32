-- Revert post:gone_author_index from pg

begin;

create or replace function posts.mark_gone(author bigint) returns void
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(73264572, posts.author_lock(author));
    insert into posts.gone_author (author_id) values (author) on conflict do nothing;
    delete from posts.gone_author where gone_at < clock_timestamp() - interval '1 hour';
end
$$;

commit;

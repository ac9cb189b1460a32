-- Deploy post:gone_author to pg
-- requires: post

begin;

set local lock_timeout = '5s';

-- What a foreign key to the people's table would do, were it in our schema. A call of somebody who was deleted a moment ago may
-- still be under way when the event of it is handled: it must not leave a post behind. So whoever writes a post looks here
-- first, under a lock that the handler takes too.
create table posts.gone_author (
    author_id bigint      primary key,
    gone_at   timestamptz not null default clock_timestamp()
);
create index gone_author_at on posts.gone_author (gone_at);

comment on table posts.gone_author is 'Who was deleted within the last hour, longer than any call lasts';

grant select, insert, delete on posts.gone_author to backend_post;

-- Two numbers: the first keeps our locks apart from others' in the database. Authors that share the second only wait a little.
create function posts.author_lock(author bigint) returns integer
    language sql immutable
    return (author % 2147483647)::integer;

create function posts.check_author() returns trigger
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(73264572, posts.author_lock(new.author_id));
    if exists (select from posts.gone_author where author_id = new.author_id) then
        raise foreign_key_violation using message = format('user %s was deleted', new.author_id);
    end if;
    return new;
end
$$;

create trigger check_author before insert on posts.post for each row execute function posts.check_author();

create function posts.mark_gone(author bigint) returns void
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(73264572, posts.author_lock(author));
    insert into posts.gone_author (author_id) values (author) on conflict do nothing;
    delete from posts.gone_author where gone_at < clock_timestamp() - interval '1 hour';
end
$$;

comment on function posts.mark_gone is 'from its commit on the author writes no more: the posts there are then are all there will be';

commit;

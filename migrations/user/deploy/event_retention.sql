-- Deploy user:event_retention to pg
-- requires: outbox

begin;

set local lock_timeout = '5s';

-- The newest event stays: whoever comes after all before it are gone sees by its number that some are.
create function users.prune_events(most bigint, keep_s bigint, keep_at_most_s bigint, out removed bigint, out left_behind text)
    language plpgsql as $$
declare
    passed constant bigint := coalesce((select min(number) from users.subscriber), 9223372036854775807);
    last_removed bigint;
begin
    perform users.number_events();
    with gone as (
        delete from users.outbox
         where number in (select number
                            from (select number, at
                                    from users.outbox
                                   where number < (select last from users.event_counter)
                                   order by number
                                   limit most) as oldest
                           where (number <= passed and at < now() - make_interval(secs => keep_s))
                              or at < now() - make_interval(secs => keep_at_most_s))
        returning number
    )
    select count(*), max(number) into removed, last_removed from gone;
    left_behind := (select string_agg(name, ', ' order by name) from users.subscriber where number < last_removed);
end
$$;

comment on function users.prune_events(bigint, bigint, bigint) is 'of the oldest events, at most so many, removes those older than keep_s seconds that every subscriber has passed, and those older than keep_at_most_s; how many, and who had not passed them';

commit;

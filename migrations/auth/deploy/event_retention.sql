-- Deploy auth:event_retention to pg
-- requires: outbox

begin;

set local lock_timeout = '5s';

-- The newest event stays: whoever comes after all before it are gone sees by its number that some are.
create function auth.prune_events(most bigint, keep_s bigint, keep_at_most_s bigint, out removed bigint, out left_behind text)
    language plpgsql as $$
declare
    passed constant bigint := coalesce((select min(number) from auth.subscriber), 9223372036854775807);
    last_removed bigint;
begin
    perform auth.number_events();
    with gone as (
        delete from auth.outbox
         where number in (select number
                            from (select number, at
                                    from auth.outbox
                                   where number < (select last from auth.event_counter)
                                   order by number
                                   limit most) as oldest
                           where (number <= passed and at < now() - make_interval(secs => keep_s))
                              or at < now() - make_interval(secs => keep_at_most_s))
        returning number
    )
    select count(*), max(number) into removed, last_removed from gone;
    left_behind := (select string_agg(name, ', ' order by name) from auth.subscriber where number < last_removed);
end
$$;

comment on function auth.prune_events(bigint, bigint, bigint) is 'of the oldest events, at most so many, removes those older than keep_s seconds that every subscriber has passed, and those older than keep_at_most_s; how many, and who had not passed them';

-- Of whom we know something, for where we missed that they were deleted.
create function auth.next_user(after bigint) returns bigint
    language sql stable parallel safe
    return least((select user_id from auth.credential where user_id > after and not is_pending order by user_id limit 1),
                 (select user_id from auth.mail_token where user_id > after order by user_id limit 1));

comment on function auth.next_user is 'the next user, by id, of whom there is a credential, or what one began; null: none. Of a pending credential nobody knows yet whether its user exists';

commit;

-- Deploy auth:session_events to pg
-- requires: outbox
-- requires: session

begin;

set local lock_timeout = '5s';

-- By trigger, so that no statement forgets it.
create function auth.tell_of_session() returns trigger
    language plpgsql as $$
begin
    insert into auth.outbox (name, body)
    values ('session.ended', jsonb_build_object('sessionId', old.id, 'userId', old.user_id));
    return null;
end
$$;

comment on function auth.tell_of_session is 'session.ended';

create trigger tell after delete on auth.session
    for each row execute function auth.tell_of_session();

commit;

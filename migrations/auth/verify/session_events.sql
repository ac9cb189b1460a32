-- Verify auth:session_events on pg: as the service's role

begin;

set local role backend_auth;

insert into auth.credential (user_id, hash) values (9007199254740990, 'verify');
insert into auth.session (id, user_id, key_hash, token_hash, expires_at, address, agent)
values (9007199254740991, 9007199254740990, sha256('k'), sha256('t'), now(), '', '');
delete from auth.session where id = 9007199254740991;

do $$
begin
    if not exists (select from auth.outbox
                    where number is null and name = 'session.ended' and (body->>'sessionId')::bigint = 9007199254740991) then
        raise exception 'auth.session does not tell that a session ended';
    end if;
end
$$;

rollback;

-- Verify auth:password_change on pg: as the service's role, and what must be refused is

begin;

set local role backend_auth;

insert into auth.credential (user_id, hash) values (9007199254740991, 'old');
insert into auth.session (id, user_id, key_hash, token_hash, expires_at, address, agent)
select id, 9007199254740991, sha256('k'), sha256('t'), now(), '', '' from generate_series(9007199254740988, 9007199254740990) id;
insert into auth.mail_token (user_id, kind, hash, email, expires_at)
values (9007199254740991, 'password_reset', sha256('token'), 'a@b.c', now() + interval '1 hour');

do $$
begin
    if (select array_agg(id) from auth.set_password(9007199254740991, 'new', 9007199254740989) as ended (id))
        <> array[9007199254740988, 9007199254740990] then
        raise exception 'auth.set_password ends other sessions than it should';
    end if;
    if exists (select from auth.reset_password(sha256('another'), 'x')) then
        raise exception 'auth.reset_password takes any token';
    end if;
    if (select array_agg(session_id) from auth.reset_password(sha256('token'), 'newest') where person_id = 9007199254740991)
        <> array[9007199254740989] then
        raise exception 'auth.reset_password ends other sessions than it should';
    end if;
    if exists (select from auth.reset_password(sha256('token'), 'x')) then
        raise exception 'auth.reset_password takes a token twice';
    end if;
    if (select hash from auth.credential where user_id = 9007199254740991) <> 'newest' then
        raise exception 'auth.reset_password sets no password';
    end if;
end
$$;

rollback;

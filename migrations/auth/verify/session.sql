-- Verify auth:session on pg: as the service's role, and what must be refused is

begin;

set local role backend_auth;

insert into auth.credential (user_id, hash) values (9007199254740991, 'verify');
insert into auth.session (id, user_id, key_hash, token_hash, expires_at, address, agent)
values (9007199254740991, 9007199254740991, sha256('k'), sha256('t'), now(), '', '');
update auth.session set parent_hash = token_hash, token_hash = sha256('u') where id = 9007199254740991;

do $$
begin
    if not exists (select from auth.session where id = 9007199254740991 and parent_hash = sha256('t')) then
        raise exception 'auth.session does not keep what is written';
    end if;
    if auth.iso_time('2020-02-03 04:05:06.789+00') <> '2020-02-03T04:05:06.789Z' then
        raise exception 'auth.iso_time writes another form';
    end if;
    begin
        update auth.session set token_hash = 'short';
        raise exception 'auth.session takes what is no hash';
    exception
        when check_violation then null;
    end;
end
$$;

delete from auth.session where id = 9007199254740991;

rollback;

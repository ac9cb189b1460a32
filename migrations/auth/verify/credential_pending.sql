-- Verify auth:credential_pending on pg: as the service's role, and what must be refused is

begin;

set local role backend_auth;

insert into auth.credential (user_id, hash) values (9007199254740991, 'verify');
insert into auth.session (user_id, key_hash, token_hash, expires_at, address, agent)
values (9007199254740991, sha256('k'), sha256('t'), now(), '', '');

do $$
begin
    if not (select is_pending from auth.credential where user_id = 9007199254740991) then
        raise exception 'auth.credential does not wait for its person';
    end if;
    delete from auth.credential where user_id = 9007199254740991;
    if exists (select from auth.session where user_id = 9007199254740991) then
        raise exception 'auth.session outlives the password';
    end if;
    begin
        insert into auth.session (user_id, key_hash, token_hash, expires_at, address, agent)
        values (9007199254740991, sha256('k'), sha256('t'), now(), '', '');
        raise exception 'auth.session takes anybody';
    exception
        when foreign_key_violation then null;
    end;
end
$$;

rollback;

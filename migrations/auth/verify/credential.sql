-- Verify auth:credential on pg: as the service's role, and what must be refused is

begin;

set local role backend_auth;

insert into auth.credential (user_id, hash) values (9007199254740991, 'a'), (9007199254740990, 'b');
update auth.credential set hash = 'c', updated_at = now() where user_id = 9007199254740991;
delete from auth.credential where user_id = 9007199254740990;

do $$
begin
    if not exists (select from auth.credential where user_id = 9007199254740991 and hash = 'c' and updated_at = now()) then
        raise exception 'auth.credential does not keep what is written';
    end if;
    begin
        insert into auth.credential (user_id, hash) values (9007199254740991, 'd');
        raise exception 'auth.credential takes two hashes for one user';
    exception
        when unique_violation then null;
    end;
    begin
        insert into auth.credential (user_id, hash) values (9007199254740990, '');
        raise exception 'auth.credential takes an empty hash';
    exception
        when check_violation then null;
    end;
end
$$;

rollback;

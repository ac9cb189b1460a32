-- Verify auth:audit on pg: as the service's role, and what must be refused is

begin;

set local role backend_auth;

insert into auth.audit (id, action, address, request_id) values (9007199254740991, 'verify', '', '');

do $$
begin
    if not exists (select from auth.audit where id = 9007199254740991 and at = now()) then
        raise exception 'auth.audit does not keep what is written';
    end if;
    begin
        update auth.audit set action = 'another';
        raise exception 'auth.audit can be changed';
    exception
        when insufficient_privilege then null;
    end;
end
$$;

delete from auth.audit where id = 9007199254740991;

rollback;

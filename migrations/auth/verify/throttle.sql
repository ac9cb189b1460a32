-- Verify auth:throttle on pg: as the service's role, and what must be refused is

begin;

set local role backend_auth;

insert into auth.throttle (key, ends_at, used) values (auth.throttle_key('verify', 'Ada'), now(), 1);
update auth.throttle set used = 2 where key = auth.throttle_key('verify', 'aDA');

do $$
begin
    if not exists (select from auth.throttle where key = auth.throttle_key('verify', 'ada') and used = 2) then
        raise exception 'auth.throttle does not keep what is written';
    end if;
    if auth.throttle_key('verify', 'ada') = auth.throttle_key('verif', 'yada') or length(auth.throttle_key('', '')) <> 32 then
        raise exception 'auth.throttle_key takes different things for the same';
    end if;
    begin
        insert into auth.throttle (key, ends_at, used) values ('\x00', now(), 1);
        raise exception 'auth.throttle takes a key that is no hash';
    exception
        when check_violation then null;
    end;
end
$$;

delete from auth.throttle where key = auth.throttle_key('verify', 'ada');

rollback;

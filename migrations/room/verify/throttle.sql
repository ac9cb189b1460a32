-- Verify room:throttle on pg: as the service's role, and what must be refused is

begin;

set local role backend_room;

insert into rooms.throttle (key, ends_at, used) values (rooms.throttle_key('verify', '1 2'), now(), 1);
update rooms.throttle set used = 2 where key = rooms.throttle_key('verify', '1 2');

do $$
begin
    if not exists (select from rooms.throttle where key = rooms.throttle_key('verify', '1 2') and used = 2) then
        raise exception 'rooms.throttle does not keep what is written';
    end if;
    if rooms.throttle_key('verify', '1 2') = rooms.throttle_key('verify', '12') or length(rooms.throttle_key('', '')) <> 32 then
        raise exception 'rooms.throttle_key takes different things for the same';
    end if;
    begin
        insert into rooms.throttle (key, ends_at, used) values ('\x00', now(), 1);
        raise exception 'rooms.throttle takes a key that is no hash';
    exception
        when check_violation then null;
    end;
end
$$;

delete from rooms.throttle where key = rooms.throttle_key('verify', '1 2');

rollback;

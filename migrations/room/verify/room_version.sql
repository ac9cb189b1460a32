-- Verify room:room_version on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, version)
values (9007199254740991, 'verify of migrations', false, 2, true, 7);

do $$
declare
    id constant bigint := 9007199254740991;
begin
    if rooms.expect_version(id, null) is not null or rooms.expect_version(id, '{3,7}') <> 7
        or rooms.expect_version(id, '{6,8}') <> 0 or rooms.expect_version(id, '{}') <> 0
        or rooms.expect_version(9007199254740990, '{7}') <> 0 then
        raise exception 'rooms.expect_version does not say which version is expected';
    end if;
    if rooms.delete_room(id, 7, rooms.expect_version(id, '{6}')) <> 'precondition_failed'
        or rooms.delete_room(id, 7, rooms.expect_version(id, '{6,7}')) <> 'ok' then
        raise exception 'a room is not deleted by its version alone';
    end if;
end
$$;

rollback;

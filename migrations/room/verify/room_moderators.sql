-- Verify room:room_moderators on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active)
values (9007199254740991, 'verify of migrations', false, 2, true);

do $$
declare
    written text[];
begin
    insert into rooms.moderator (room_id, user_id) values (9007199254740991, 9), (9007199254740991, 7);
    written := written || (select moderators::text from rooms.room where id = 9007199254740991);
    delete from rooms.moderator where room_id = 9007199254740991 and user_id = 9;
    written := written || (select moderators::text from rooms.room where id = 9007199254740991);
    delete from rooms.moderator where room_id = 9007199254740991;
    written := written || (select moderators::text from rooms.room where id = 9007199254740991);
    if written is distinct from array['{9,7}', '{7}', null] then
        raise exception 'a room has the moderators %', written;
    end if;
end
$$;

rollback;

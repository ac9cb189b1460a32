-- Verify room:participant on pg: as the service's role, and what must be refused is

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active)
values (9007199254740991, 'verify of migrations', false, 2, true);
insert into rooms.participant (room_id, user_id) values (9007199254740991, 1), (9007199254740991, 2);
delete from rooms.participant where room_id = 9007199254740991 and user_id = 2;

do $$
begin
    if not exists (select from rooms.participant where room_id = 9007199254740991 and user_id = 1 and joined_at = now()) then
        raise exception 'rooms.participant does not keep what is written';
    end if;
    begin
        insert into rooms.participant (room_id, user_id) values (9007199254740991, 1);
        raise exception 'rooms.participant takes somebody twice';
    exception
        when unique_violation then null;
    end;
    begin
        insert into rooms.participant (room_id, user_id) values (9007199254740990, 1);
        raise exception 'rooms.participant takes somebody into no room';
    exception
        when foreign_key_violation then null;
    end;
    delete from rooms.room where id = 9007199254740991;
    if exists (select from rooms.participant where room_id = 9007199254740991) then
        raise exception 'participants stay when their room goes';
    end if;
end
$$;

rollback;

-- Verify room:room_people on pg: as the service's role, and what must be refused is

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active)
values (9007199254740991, 'verify of migrations', false, 2, true);

do $$
declare
    kind text;
    found bigint;
begin
    insert into rooms.moderator (room_id, user_id) values (9007199254740991, 1);
    insert into rooms.ban (room_id, user_id, banned_by) values (9007199254740991, 1, 2);
    insert into rooms.invitation (room_id, user_id, invited_by) values (9007199254740991, 1, 2);
    insert into rooms.waiting (room_id, user_id, ordinal) overriding system value values (9007199254740991, 1, -1);
    foreach kind in array array['moderator', 'ban', 'invitation', 'waiting'] loop
        begin
            execute format('insert into rooms.%I select (one).* from (select one from rooms.%I one where room_id = 9007199254740991) same', kind, kind);
            raise exception 'rooms.% takes somebody twice', kind;
        exception
            when unique_violation or generated_always then null;
        end;
    end loop;
    delete from rooms.room where id = 9007199254740991;
    foreach kind in array array['moderator', 'ban', 'invitation', 'waiting'] loop
        execute format('select count(*) from rooms.%I where room_id = 9007199254740991', kind) into found;
        if found > 0 then
            raise exception 'rooms.% stays when its room goes', kind;
        end if;
    end loop;
end
$$;

rollback;

-- Verify room:user_gone on pg: as the service's role, and what must be refused is

begin;

set local role backend_room;

do $$
declare
    gone    constant bigint := 9007199254740991;
    heir    constant bigint := 9007199254740990;
    kept    constant bigint := 9007199254740991;
    dropped constant bigint := 9007199254740990;
begin
    insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id, participant_count)
    values (kept, 'Verify of Migrations 1', false, 10, true, gone, 1);
    insert into rooms.participant (room_id, user_id) values (kept, heir);
    insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id)
    values (dropped, 'Verify of Migrations 2', false, 10, true, gone);
    perform rooms.mark_gone(gone);
    if rooms.forget_user(gone, 100) <> 2 or rooms.forget_user(gone, 100) <> 0 then
        raise exception 'rooms.forget_user does not forget';
    end if;
    if (select owner_id from rooms.room where id = kept) <> heir or exists (select from rooms.room where id = dropped) then
        raise exception 'rooms.hand_down does not find the heir';
    end if;
    begin
        insert into rooms.participant (room_id, user_id) values (kept, gone);
        raise exception 'rooms.participant takes who is gone';
    exception
        when foreign_key_violation then null;
    end;
end
$$;

rollback;

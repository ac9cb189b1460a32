-- Verify room:room on pg: as the service's role, and what must be refused is

begin;

set local role backend_room;

-- With ids of their own: a sequence does not roll back.
insert into rooms.room (id, name, is_private, max_participants, is_active)
values (9007199254740991, 'verify of migrations', false, 2, true), (9007199254740990, 'Verify of migrations', true, 2, false);
update rooms.room set password_hash = 'a', owner_id = 1 where name = 'verify of migrations';
delete from rooms.room where name = 'Verify of migrations';

do $$
begin
    if not exists (select from rooms.room where name = 'verify of migrations' and participant_count = 0
                   and created_at = now() and updated_at = now() and owner_id = 1) then
        raise exception 'rooms.room does not keep what is written';
    end if;
    if pg_get_serial_sequence('rooms.room', 'id') is null then
        raise exception 'rooms.room gives no ids';
    end if;
    begin
        insert into rooms.room (id, name, is_private, max_participants, is_active)
        values (9007199254740990, 'verify of migrations', false, 2, true);
        raise exception 'rooms.room takes a name twice';
    exception
        when unique_violation then null;
    end;
    begin
        update rooms.room set participant_count = -1 where name = 'verify of migrations';
        raise exception 'rooms.room takes a count below nought';
    exception
        when check_violation then null;
    end;
end
$$;

rollback;

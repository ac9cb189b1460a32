-- Verify room:room_join on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id, password_hash)
values (9007199254740991, 'verify of migrations', false, 2, true, 7, 'hash');
insert into rooms.invitation (room_id, user_id, invited_by) values (9007199254740991, 1, 7);

do $$
declare
    id constant bigint := 9007199254740991;
    step record;
begin
    select * into step from rooms.join(id, 2, false, '');
    if step.outcome <> 'room_password_invalid' or step.wanted_hash <> 'hash' then
        raise exception 'without the password a join is %', step;
    end if;
    select * into step from rooms.join(id, 2, false, 'hash');
    if step.outcome <> 'ok' or (step.reply)."participantCount" <> 1 then
        raise exception 'with the password a join is %', step;
    end if;
    if (rooms.join(id, 1, false, '')).outcome <> 'ok' or (rooms.join(id, 3, false, 'hash')).outcome <> 'room_full' then
        raise exception 'an invitation does not count, or seats do not';
    end if;
    select * into step from rooms.leave(id, 2, false);
    if step.outcome <> 'ok' or (step.reply)."participantCount" <> 1 then
        raise exception 'a leave is %', step;
    end if;
    if (rooms.join(-1, 1, false, '')).outcome <> 'room_not_found' or (rooms.leave(-1, 1, false)).outcome <> 'room_not_found' then
        raise exception 'there is no room -1';
    end if;
end
$$;

rollback;

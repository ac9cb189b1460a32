-- Verify room:room_changes on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id, waiting_room)
values (9007199254740991, 'verify of migrations', false, 2, true, 7, true);
insert into rooms.waiting (room_id, user_id, ordinal) overriding system value
values (9007199254740991, 1, -3), (9007199254740991, 2, -2), (9007199254740991, 3, -1);

do $$
declare
    id constant bigint := 9007199254740991;
    told text;
    outcome text;
    reply rooms.room_view;
begin
    outcome := (rooms.change_room(id, 7, 2, null, null, null, null, null, null, null, null, null, null, null, null)).outcome;
    if outcome <> 'precondition_failed' then
        raise exception 'a change of another version is %', outcome;
    end if;
    outcome := (rooms.change_room(id, 7, 1, null, null, null, null, null, null, null, null, null, '2999-01-02T00:00:00Z',
                                  '2999-01-01T23:00:00-01:00', null)).outcome;
    if outcome <> 'ends_before_start' then
        raise exception 'an end at the start is %', outcome;
    end if;
    reply := (rooms.change_room(id, 7, 1, null, null, null, null, null, null, null, null, false, null, null, null)).reply;
    if reply."participantCount" <> 2 or reply.version <> 2 then
        raise exception 'without its waiting room a room is %', reply;
    end if;
    if not rooms.remove_participant(id, 1, 'kicked', 7) or rooms.remove_participant(id, 1, 'kicked', 7) then
        raise exception 'rooms.remove_participant does not say whether there was one';
    end if;
    reply := (rooms.change_room(id, 7, null, null, null, null, null, null, null, null, null, null, null,
                                clock_timestamp()::text, null)).reply;
    if reply."participantCount" <> 0 or exists (select from rooms.participant where room_id = id) then
        raise exception 'after its end a room is %', reply;
    end if;
    if rooms.delete_room(id, 7, null) <> 'ok' or rooms.delete_room(id, 7, null) <> 'room_not_found' then
        raise exception 'rooms.delete_room does not';
    end if;
    select string_agg(substr(name, 6) || coalesce(body ->> 'userId', ''), ' ' order by outbox.id) into told
      from rooms.outbox
     where (body ->> 'roomId')::bigint = 9007199254740991 and number is null;
    if told <> 'updated admitted1 joined1 admitted2 joined2 kicked1 left1 updated left2 ended deleted' then
        raise exception 'what is told is: %', told;
    end if;
end
$$;

rollback;

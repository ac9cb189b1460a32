-- Verify room:room_sweep on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, phase, starts_at, ends_at, participant_count)
values (9007199254740991, 'verify of migrations 1', false, 2, true, 'scheduled', '1970-01-01Z', null, 0),
       (9007199254740990, 'verify of migrations 2', false, 2, true, 'open', null, '1970-01-01Z', 1);
insert into rooms.participant (room_id, user_id) values (9007199254740990, 9007199254740001);

do $$
begin
    perform rooms.sweep(1);
    if (select string_agg(phase || participant_count, ' ' order by id desc) from rooms.room where id >= 9007199254740990) <> 'open0 ended0'
       or exists (select from rooms.participant where room_id = 9007199254740990) then
        raise exception 'rooms.sweep does not settle what is due';
    end if;
end
$$;

rollback;

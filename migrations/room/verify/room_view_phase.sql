-- Verify room:room_view_phase on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, phase, starts_at, ends_at)
values (9007199254740991, 'verify of migrations 1', false, 2, true, 'open', now() + interval '1 s', null),
       (9007199254740990, 'verify of migrations 2', false, 2, true, 'scheduled', now() + interval '1 s', null),
       (9007199254740989, 'verify of migrations 3', false, 2, true, 'scheduled', now(), null),
       (9007199254740988, 'verify of migrations 4', false, 2, true, 'open', null, now()),
       (9007199254740987, 'verify of migrations 5', false, 2, true, 'ended', null, now() + interval '1 s');

do $$
declare
    shown text := (select string_agg(status, ' ' order by id desc) from rooms.room_view where id >= 9007199254740987);
begin
    if shown <> 'open scheduled open ended ended' then
        raise exception 'rooms.room_view shows %', shown;
    end if;
end
$$;

rollback;

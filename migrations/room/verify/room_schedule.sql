-- Verify room:room_schedule on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, starts_at, ends_at, max_duration_minutes)
values (9007199254740991, 'verify of migrations', false, 2, true, now() - interval '1 hour', now() + interval '1 hour', 30);

do $$
declare
    this rooms.room;
begin
    select * into this from rooms.room where id = 9007199254740991;
    if this.closes_at <> now() + interval '1 hour' or this.version <> 1 or this.phase <> 'open' then
        raise exception 'rooms.room does not keep its schedule';
    end if;
    update rooms.room set first_joined_at = now() where id = this.id returning * into this;
    if this.closes_at <> now() + interval '30 minutes' then
        raise exception 'rooms.room does not close after its longest duration';
    end if;
    if rooms.phase_at(now(), null, null) <> 'open' or rooms.phase_at(now(), now(), null) <> 'open'
       or rooms.phase_at(now(), now() + interval '1 s', null) <> 'scheduled' or rooms.phase_at(now(), null, now()) <> 'ended' then
        raise exception 'rooms.phase_at is wrong';
    end if;
    begin
        update rooms.room set ends_at = starts_at where id = this.id;
        raise exception 'rooms.room takes an end that is not after the start';
    exception
        when check_violation then null;
    end;
end
$$;

rollback;

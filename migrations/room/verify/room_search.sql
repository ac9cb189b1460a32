-- Verify room:room_search on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id, unlisted, starts_at, ends_at, phase)
values (9007199254740991, 'Verify ÉVA''s 100%', false, 2, true, 9007199254740001, false, '2999-01-01Z', '2999-01-02Z', 'scheduled'),
       (9007199254740990, 'verify of migrations', false, 2, true, 9007199254740002, true, null, null, 'open');
insert into rooms.invitation (room_id, user_id, invited_by) values (9007199254740990, 9007199254740001, 1);

do $$
declare
    found bigint[];
begin
    found := array(select id from rooms.room
                    where id >= 9007199254740990
                      and rooms.matches(room, 9007199254740001, 'scheduled', rooms.fold('éva''S'), '[2999-01-01 23:00Z,)'));
    if found <> '{9007199254740991}' then
        raise exception 'what is looked for is %', found;
    end if;
    found := array(select id from rooms.room
                    where not unlisted and rooms.grams(name) @> rooms.grams('S 100%') and id >= 9007199254740990);
    if found <> '{9007199254740991}' then
        raise exception 'what has the grams is %', found;
    end if;
    if exists (select from rooms.room
                where id >= 9007199254740990 and rooms.matches(room, null, null, null, '[2999-01-02Z,)')) then
        raise exception 'a room matches a time that is not its own';
    end if;
    if rooms.time_of('2000-01-02Z', '2000-01-01Z') <> 'empty' or rooms.grams('ab') <> '{}' then
        raise exception 'rooms.time_of or rooms.grams answers strangely';
    end if;
    found := array(select known from rooms.known_after(9007199254740001, 9007199254740989, 9) as known);
    if found <> '{9007199254740990,9007199254740991}' then
        raise exception 'who owns one and is invited to another knows %', found;
    end if;
end
$$;

rollback;

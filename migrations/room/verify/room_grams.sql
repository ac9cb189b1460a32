-- Verify room:room_grams on pg: as the service's role

begin;

set local role backend_room;

do $$
begin
    if array(select gram from unnest(rooms.grams('AbÉ abé')) as gram order by gram collate "C")
        <> array[' ab', 'abé', 'bé ', 'é a'] or rooms.grams('ab') <> '{}' then
        raise exception 'rooms.grams are %', rooms.grams('AbÉ abé');
    end if;
end
$$;

rollback;

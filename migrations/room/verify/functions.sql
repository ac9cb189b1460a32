-- Verify room:functions on pg

begin;

set local role backend_room;
set local timezone = 'Asia/Tokyo';

do $$
begin
    if rooms.iso_time('2024-02-29 23:59:59.9876+02') <> '2024-02-29T21:59:59.987Z' then
        raise exception 'rooms.iso_time writes %', rooms.iso_time('2024-02-29 23:59:59.9876+02');
    end if;
end
$$;

rollback;

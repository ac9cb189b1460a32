-- Verify post:functions on pg

begin;

set local role backend_post;
set local timezone = 'Asia/Tokyo';

do $$
begin
    if posts.iso_time('2024-02-29 23:59:59.9876+02') <> '2024-02-29T21:59:59.987Z' then
        raise exception 'posts.iso_time writes %', posts.iso_time('2024-02-29 23:59:59.9876+02');
    end if;
end
$$;

rollback;

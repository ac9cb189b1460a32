-- Verify user:functions on pg

begin;

set local role backend_user;
set local timezone = 'Asia/Tokyo';

do $$
declare
    one  text;
    same text;
begin
    if users.iso_time('2024-02-29 23:59:59.9876+02') <> '2024-02-29T21:59:59.987Z' then
        raise exception 'users.iso_time writes %', users.iso_time('2024-02-29 23:59:59.9876+02');
    end if;
    for one, same in
        values ('Ada', 'aDA'), ('JÜRGEN', 'jürgen'), ('ИВАН', 'иван'), ('ΟΔΥΣΣΕΥΣ', 'οδυσσευς'), (U&'Ren\00E9', U&'RENE\0301')
    loop
        if users.fold(one) <> users.fold(same) then
            raise exception 'users.fold tells % from %', one, same;
        end if;
    end loop;
    if users.fold('ada') = users.fold('adá') then
        raise exception 'users.fold takes different letters for the same';
    end if;
end
$$;

rollback;

-- Verify auth:fold on pg

begin;

set local role backend_auth;

do $$
declare
    one  text;
    same text;
begin
    for one, same in
        values ('Ada', 'aDA'), ('JÜRGEN', 'jürgen'), ('ИВАН', 'иван'), ('ΟΔΥΣΣΕΥΣ', 'οδυσσευς'), (U&'Ren\00E9', U&'RENE\0301')
    loop
        if auth.fold(one) <> auth.fold(same) then
            raise exception 'auth.fold tells % from %', one, same;
        end if;
    end loop;
    if auth.fold('ada') = auth.fold('adá') then
        raise exception 'auth.fold takes different letters for the same';
    end if;
end
$$;

rollback;

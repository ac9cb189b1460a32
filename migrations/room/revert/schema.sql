-- Revert room:schema from pg

begin;

drop schema rooms;

do $$
begin
    drop role backend_room;
exception
    when dependent_objects_still_exist or insufficient_privilege then
        raise notice 'role backend_room stays: another database uses it, or it is not ours to drop';
end
$$;

commit;

-- Revert user:schema from pg

begin;

drop schema users;

do $$
begin
    drop role backend_user;
exception
    when dependent_objects_still_exist or insufficient_privilege then
        raise notice 'role backend_user stays: another database uses it, or it is not ours to drop';
end
$$;

commit;

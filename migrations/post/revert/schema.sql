-- Revert post:schema from pg

begin;

drop schema posts;

do $$
begin
    drop role backend_post;
exception
    when dependent_objects_still_exist or insufficient_privilege then
        raise notice 'role backend_post stays: another database uses it, or it is not ours to drop';
end
$$;

commit;

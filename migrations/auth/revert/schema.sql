-- Revert auth:schema from pg

begin;

drop schema auth;

do $$
begin
    drop role backend_auth;
exception
    when dependent_objects_still_exist or insufficient_privilege then
        raise notice 'role backend_auth stays: another database uses it, or it is not ours to drop';
end
$$;

commit;

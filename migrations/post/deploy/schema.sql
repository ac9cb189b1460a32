-- Deploy post:schema to pg
-- The service's role, which all databases of a cluster share, and its schema, which the migrating role owns.

begin;

set local lock_timeout = '5s';

do $$
begin
    if not exists (select from pg_roles where rolname = 'backend_post') then
        create role backend_post login;
    end if;
exception
    when duplicate_object or unique_violation then
        null; -- the migration of another database has made it just now
end
$$;

-- So that a login which is no superuser may `set role` too.
do $$
begin
    grant backend_post to current_user;
exception
    when insufficient_privilege then
        null; -- whoever made the role has granted it, or verify says that it is missing
end
$$;

-- What Postgres 15 does by itself; a cluster that was upgraded, or made by other tools, may still let everybody create there.
do $$
begin
    if has_schema_privilege('backend_post', 'public', 'create') then
        revoke create on schema public from public, backend_post;
    end if;
end
$$;

create schema posts;
grant usage on schema posts to backend_post;

commit;

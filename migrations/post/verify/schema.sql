-- Verify post:schema on pg: the role may use its schema, and create nothing; of our other schemas it may use none

begin;

do $$
declare
    foreign_schema text;
begin
    if not has_schema_privilege('backend_post', 'posts', 'usage') then
        raise exception 'backend_post may not use schema posts';
    end if;
    if has_schema_privilege('backend_post', 'posts', 'create') or has_schema_privilege('backend_post', 'public', 'create') then
        raise exception 'backend_post may create tables';
    end if;
    if exists (select from pg_roles where rolname = 'backend_post' and (rolsuper or rolcreaterole or rolcreatedb or rolbypassrls)) then
        raise exception 'backend_post is more than a plain role';
    end if;
    select other.nspname into foreign_schema
      from pg_namespace own
      join pg_namespace other on other.nspowner = own.nspowner and other.oid <> own.oid
     where own.nspname = 'posts' and other.nspname <> 'public' and other.nspname !~ '^pg_|^information_schema$'
       and has_schema_privilege('backend_post', other.oid, 'usage')
     limit 1;
    if foreign_schema is not null then
        raise exception 'backend_post may use schema %, which is another''s', foreign_schema;
    end if;
end
$$;

-- Raises an error for who may not.
set local role backend_post;

rollback;

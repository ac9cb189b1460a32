-- Verify post:gone_author on pg: as the service's role, and what must be refused is

begin;

set local role backend_post;

do $$
begin
    insert into posts.post (id, title, content, author_id)
    values (9007199254740991, 'Verify', 'of migrations', 9007199254740991);
    perform posts.mark_gone(9007199254740991);
    begin
        insert into posts.post (id, title, content, author_id)
        values (9007199254740990, 'Verify', 'of migrations', 9007199254740991);
        raise exception 'posts.post takes a post of who is gone';
    exception
        when foreign_key_violation then null;
    end;
end
$$;

rollback;

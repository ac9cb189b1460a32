-- Verify post:post on pg: as the service's role, and what must be refused is

begin;

set local role backend_post;

do $$
declare
    kept posts.post;
begin
    -- With ids of their own: a sequence does not roll back.
    insert into posts.post (id, title, content, author_id)
    values (9007199254740991, 'Verify', 'of migrations', 9007199254740991) returning * into kept;
    if kept.created_at <> now() or kept.updated_at <> now() then
        raise exception 'posts.post does not keep what is written';
    end if;
    if pg_get_serial_sequence('posts.post', 'id') is null then
        raise exception 'posts.post gives no ids';
    end if;
    perform posts.tell('verify.told', kept.id, kept.author_id, null);
    if not exists (select from posts.outbox
                    where name = 'verify.told' and body = '{"postId": 9007199254740991, "userId": 9007199254740991}') then
        raise exception 'posts.tell does not write the event';
    end if;
    begin
        insert into posts.post (id, title, content, author_id) values (9007199254740990, '', 'of migrations', 1);
        raise exception 'posts.post takes an empty title';
    exception
        when check_violation then null;
    end;
end
$$;

rollback;

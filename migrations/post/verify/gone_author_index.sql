-- Verify post:gone_author_index on pg: as the service's role, gone authors are not kept for ever

begin;

set local role backend_post;

do $$
begin
    insert into posts.gone_author (author_id, gone_at) values (9007199254740990, now() - interval '2 hours');
    perform posts.mark_gone(9007199254740991);
    if exists (select from posts.gone_author where author_id = 9007199254740990)
        or not exists (select from posts.gone_author where author_id = 9007199254740991) then
        raise exception 'posts.mark_gone keeps who has long been gone, or not who is';
    end if;
end
$$;

rollback;

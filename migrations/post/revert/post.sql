-- Revert post:post from pg

begin;

drop function posts.tell;
drop table posts.post;

commit;

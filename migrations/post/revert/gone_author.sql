-- Revert post:gone_author from pg

begin;

drop function posts.mark_gone;
drop trigger check_author on posts.post;
drop function posts.check_author;
drop function posts.author_lock;
drop table posts.gone_author;

commit;

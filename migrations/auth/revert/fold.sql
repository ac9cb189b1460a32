-- Revert auth:fold from pg

begin;

drop function auth.fold(text);

commit;

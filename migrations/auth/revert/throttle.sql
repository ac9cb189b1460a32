-- Revert auth:throttle from pg

begin;

drop function auth.throttle_key(text, text);
drop table auth.throttle;

commit;

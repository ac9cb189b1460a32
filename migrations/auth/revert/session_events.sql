-- Revert auth:session_events from pg

begin;

drop trigger tell on auth.session;
drop function auth.tell_of_session;

commit;

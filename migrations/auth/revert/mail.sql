-- Revert auth:mail from pg

begin;

drop table auth.mail_token;
drop table auth.mail;

commit;

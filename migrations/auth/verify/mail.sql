-- Verify auth:mail on pg: as the service's role, and what must be refused is

begin;

set local role backend_auth;

insert into auth.mail (id, kind, user_id, email) values (9007199254740991, 'verify', 9007199254740991, '');
update auth.mail set attempts = 1, due_at = 'infinity' where id = 9007199254740991;
delete from auth.mail where id = 9007199254740991;

insert into auth.mail_token (user_id, kind, hash, email, expires_at)
values (9007199254740991, 'verify', sha256('verify of migrations'), 'verify@migrations.invalid', now());

do $$
begin
    begin
        insert into auth.mail (kind, email) values ('verify', '');
        raise exception 'auth.mail takes a mail to nobody';
    exception
        when check_violation then null;
    end;
    begin
        insert into auth.mail_token (user_id, kind, hash, email, expires_at)
        values (9007199254740991, 'verify', sha256('another'), 'verify@migrations.invalid', now());
        raise exception 'auth.mail_token takes two of a kind';
    exception
        when unique_violation then null;
    end;
end
$$;

rollback;

-- Verify user:person on pg: as the service's role, and what must be refused is

begin;

set local role backend_user;

insert into users.person (id, username, email)
values (9007199254740991, 'Verify of Migrations', 'verify@migrations.invalid'), (9007199254740990, 'another', 'another@migrations.invalid');
update users.person set email = 'Verify@Migrations.invalid' where id = 9007199254740991;
delete from users.person where id = 9007199254740990;

do $$
begin
    if not exists (select from users.person where id = 9007199254740991 and role = 'user' and created_at = now()) then
        raise exception 'users.person does not keep what is written';
    end if;
    if not has_sequence_privilege('users.person_id', 'usage') then
        raise exception 'users.person_id gives no id';
    end if;
    begin
        insert into users.person (id, username, email) values (9007199254740990, 'verify OF migrations', 'b@migrations.invalid');
        raise exception 'users.person takes a username twice';
    exception
        when unique_violation then null;
    end;
    begin
        insert into users.person (id, username, email) values (9007199254740990, 'b', 'VERIFY@migrations.INVALID');
        raise exception 'users.person takes an email twice';
    exception
        when unique_violation then null;
    end;
    begin
        insert into users.person (id, username, email, role) values (9007199254740990, 'b', 'b@migrations.invalid', 'root');
        raise exception 'users.person takes any role';
    exception
        when check_violation then null;
    end;
end
$$;

rollback;

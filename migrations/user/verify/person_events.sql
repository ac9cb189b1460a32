-- Verify user:person_events on pg: as the service's role

begin;

set local role backend_user;

insert into users.person (id, username, email) values (9007199254740991, 'Verify of Migrations', 'verify@migrations.invalid');
update users.person set username = 'Another' where id = 9007199254740991;
update users.person set email = 'another@migrations.invalid' where id = 9007199254740991;
update users.person set disabled_at = now() where id = 9007199254740991;
update users.person set disabled_at = null where id = 9007199254740991;
delete from users.person where id = 9007199254740991;

do $$
declare
    told text := (select string_agg(name, ' ' order by id)
                    from users.outbox
                   where number is null and (body->>'userId')::bigint = 9007199254740991);
begin
    if told is distinct from 'user.created user.updated user.disabled user.enabled user.deleted' then
        raise exception 'users.person tells %', told;
    end if;
end
$$;

rollback;

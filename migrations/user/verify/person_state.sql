-- Verify user:person_state on pg: as the service's role

begin;

set local role backend_user;

insert into users.person (id, username, email) values (9007199254740991, 'verify state', 'verify-state@example.org');

do $$
begin
    if not exists (select from users.person
                    where id = 9007199254740991 and email_verified_at is null and disabled_at is null) then
        raise exception 'a new person''s account is not open and unverified';
    end if;
end
$$;

update users.person set email_verified_at = now(), disabled_at = now() where id = 9007199254740991;

rollback;

-- Deploy user:person_events to pg
-- requires: outbox
-- requires: person_pending_email

begin;

set local lock_timeout = '5s';

-- By trigger, so that no statement forgets it, not even one typed by hand.
create function users.tell_of_person() returns trigger
    language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        insert into users.outbox (name, body) values ('user.deleted', jsonb_build_object('userId', old.id));
        return null;
    end if;
    if tg_op = 'INSERT' then
        insert into users.outbox (name, body)
        values ('user.created', jsonb_build_object('userId', new.id, 'username', new.username));
        return null;
    end if;
    if (new.username, new.role) is distinct from (old.username, old.role)
        or (new.email_verified_at is null) <> (old.email_verified_at is null) then
        insert into users.outbox (name, body)
        values ('user.updated', jsonb_build_object('userId', new.id, 'username', new.username, 'role', new.role,
                                                   'emailVerified', new.email_verified_at is not null));
    end if;
    if (new.disabled_at is null) <> (old.disabled_at is null) then
        insert into users.outbox (name, body)
        values (case when new.disabled_at is null then 'user.enabled' else 'user.disabled' end,
                jsonb_build_object('userId', new.id));
    end if;
    return null;
end
$$;

comment on function users.tell_of_person is 'user.created, user.updated, user.disabled, user.enabled, user.deleted; emails are nobody else''s business';

create trigger tell after insert or update or delete on users.person
    for each row execute function users.tell_of_person();

commit;

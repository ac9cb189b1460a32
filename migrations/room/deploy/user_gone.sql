-- Deploy room:user_gone to pg
-- requires: room_join

begin;

set local lock_timeout = '5s';

-- What a foreign key to the people's table would do, were it in our schema. A call of somebody who was deleted a moment ago may
-- still be under way when the event of it is handled: it must not leave a seat behind that nobody will ever free. So whoever
-- writes down a user looks here first, under a lock that the handler takes too.
create table rooms.gone_user (
    user_id bigint      primary key,
    gone_at timestamptz not null default clock_timestamp()
);
create index gone_user_at on rooms.gone_user (gone_at);

comment on table rooms.gone_user is 'Who was deleted within the last hour, longer than any call lasts';

grant select, insert, delete on rooms.gone_user to backend_room;

-- Two numbers: the first keeps our locks apart from others' in the database. Users that share the second only wait a little.
create function rooms.user_lock(for_user bigint) returns integer
    language sql immutable
    return (for_user % 2147483647)::integer;

create function rooms.check_user(for_user bigint) returns void
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared(73264571, rooms.user_lock(for_user));
    if exists (select from rooms.gone_user where user_id = for_user) then
        raise foreign_key_violation using message = format('user %s was deleted', for_user);
    end if;
end
$$;

create function rooms.check_user_id() returns trigger
    language plpgsql as $$
begin
    perform rooms.check_user(new.user_id);
    return new;
end
$$;

create function rooms.check_owner_id() returns trigger
    language plpgsql as $$
begin
    perform rooms.check_user(new.owner_id);
    return new;
end
$$;

create trigger check_user before insert on rooms.participant for each row execute function rooms.check_user_id();
create trigger check_user before insert on rooms.moderator for each row execute function rooms.check_user_id();
create trigger check_user before insert on rooms.ban for each row execute function rooms.check_user_id();
create trigger check_user before insert on rooms.invitation for each row execute function rooms.check_user_id();
create trigger check_user before insert on rooms.waiting for each row execute function rooms.check_user_id();
create trigger check_owner before insert or update of owner_id on rooms.room
    for each row when (new.owner_id is not null) execute function rooms.check_owner_id();

create function rooms.mark_gone(for_user bigint) returns void
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(73264571, rooms.user_lock(for_user));
    insert into rooms.gone_user (user_id) values (for_user) on conflict do nothing;
    delete from rooms.gone_user where gone_at < clock_timestamp() - interval '1 hour';
end
$$;

comment on function rooms.mark_gone is 'from its commit on nobody writes the user down: what is there then is all that rooms.forget_user has to remove';

create function rooms.hand_down(this rooms.room) returns void
    language plpgsql as $$
declare
    heir bigint := coalesce(
        (select user_id from rooms.moderator
          where room_id = this.id and user_id not in (select user_id from rooms.gone_user)
          order by appointed_at, user_id limit 1),
        (select user_id from rooms.participant
          where room_id = this.id and user_id not in (select user_id from rooms.gone_user)
          order by joined_at, user_id limit 1));
begin
    if heir is null then
        perform rooms.delete_room(this.id, null, null);
        return;
    end if;
    delete from rooms.moderator where room_id = this.id and user_id = heir;
    update rooms.room set owner_id = heir, version = version + 1, updated_at = clock_timestamp() where id = this.id;
    perform rooms.tell('room.updated', this.id);
end
$$;

comment on function rooms.hand_down is 'a locked room whose owner is gone goes to the oldest moderator, else to the oldest participant, else it goes';

create function rooms.forget_user(for_user bigint, most bigint) returns bigint
    language plpgsql as $$
declare
    for_room bigint;
    this     rooms.room;
    rooms_seen bigint := 0;
begin
    for for_room in
        select id
          from ((select id from rooms.room where owner_id = for_user order by id limit most)
                union (select room_id from rooms.participant where user_id = for_user order by room_id limit most)
                union (select room_id from rooms.moderator where user_id = for_user order by room_id limit most)
                union (select room_id from rooms.ban where user_id = for_user order by room_id limit most)
                union (select room_id from rooms.invitation where user_id = for_user order by room_id limit most)
                union (select room_id from rooms.waiting where user_id = for_user order by room_id limit most)) as known (id)
         order by id
         limit most
    loop
        rooms_seen := rooms_seen + 1;
        this := rooms.lock_room(for_room);
        continue when this.id is null;
        perform rooms.remove_participant(for_room, for_user, 'user_deleted', null);
        delete from rooms.moderator where room_id = for_room and user_id = for_user;
        delete from rooms.ban where room_id = for_room and user_id = for_user;
        delete from rooms.invitation where room_id = for_room and user_id = for_user;
        delete from rooms.waiting where room_id = for_room and user_id = for_user;
        if this.owner_id = for_user then
            perform rooms.hand_down(this);
        end if;
    end loop;
    return rooms_seen;
end
$$;

comment on function rooms.forget_user is 'takes a user who is marked gone out of at most so many rooms; of how many. Less than asked for: it was the last';

commit;

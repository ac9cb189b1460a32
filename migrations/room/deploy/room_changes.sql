-- Deploy room:room_changes to pg
-- requires: room_view
-- requires: outbox

begin;

set local lock_timeout = '5s';

-- How a room changes: each function locks its row first (lock_room), so that what it then reads stays true until it is done,
-- and writes the event with the change. An outcome is 'ok', or why not: the code of an error (proto/errors.def).

create function rooms.tell(event text, for_room bigint, for_user bigint default null, actor bigint default null,
                           reason text default null) returns void
    language sql
    begin atomic
        insert into rooms.outbox (name, body)
        values (event, jsonb_strip_nulls(jsonb_build_object('roomId', for_room, 'userId', for_user, 'actorId', actor,
                                                            'reason', reason)));
    end;

-- ---- the schedule ----

create function rooms.settle(this rooms.room) returns rooms.room
    language plpgsql as $$
declare
    due text := rooms.phase_at(clock_timestamp(), this.starts_at, this.closes_at);
    member bigint;
begin
    if due = this.phase then
        return this;
    end if;
    if due = 'ended' then
        for member in delete from rooms.participant where room_id = this.id returning user_id loop
            perform rooms.tell('room.left', this.id, member, null, 'ended');
        end loop;
        delete from rooms.waiting where room_id = this.id;
        perform rooms.tell('room.ended', this.id);
    elsif due = 'open' then
        perform rooms.tell('room.started', this.id);
    end if;
    update rooms.room
       set phase = due, participant_count = case due when 'ended' then 0 else participant_count end
     where id = this.id
    returning * into this;
    return this;
end
$$;

comment on function rooms.settle is 'makes so, and tells, what the clock says of a locked room: after the end, everyone is out';

create function rooms.lock_room(for_room bigint) returns rooms.room
    language plpgsql as $$
declare
    this rooms.room;
begin
    select * into this from rooms.room where id = for_room for no key update;
    if not found then
        return null;
    end if;
    return rooms.settle(this);
end
$$;

comment on function rooms.lock_room is 'the room, settled, and nobody else''s until the end of the transaction; null: there is none';

-- ---- who is in it ----

create function rooms.seat(for_room bigint, for_user bigint) returns void
    language plpgsql as $$
begin
    insert into rooms.participant (room_id, user_id, joined_at) values (for_room, for_user, clock_timestamp());
    delete from rooms.waiting where room_id = for_room and user_id = for_user;
    update rooms.room
       set participant_count = participant_count + 1, first_joined_at = coalesce(first_joined_at, clock_timestamp())
     where id = for_room;
    perform rooms.tell('room.joined', for_room, for_user);
end
$$;

comment on function rooms.seat is 'gives somebody who is not in it a seat of a locked room, which must have one';

create function rooms.remove_participant(for_room bigint, for_user bigint, why text, actor bigint) returns boolean
    language plpgsql as $$
begin
    perform rooms.lock_room(for_room);
    delete from rooms.participant where room_id = for_room and user_id = for_user;
    if not found then
        return false;
    end if;
    update rooms.room set participant_count = participant_count - 1 where id = for_room;
    if why = 'kicked' then
        perform rooms.tell('room.kicked', for_room, for_user, actor);
    end if;
    perform rooms.tell('room.left', for_room, for_user, actor, why);
    return true;
end
$$;

comment on function rooms.remove_participant is 'frees the seat of somebody, who left or was kicked, banned …; whether there was one';

create function rooms.admit_waiting(this rooms.room, actor bigint) returns void
    language plpgsql as $$
declare
    guest bigint;
begin
    if this.phase <> 'open' or not this.is_active then
        return;
    end if;
    for guest in
        select user_id from rooms.waiting where room_id = this.id
         order by ordinal limit greatest(this.max_participants - this.participant_count, 0)
    loop
        perform rooms.tell('room.admitted', this.id, guest, actor);
        perform rooms.seat(this.id, guest);
    end loop;
end
$$;

comment on function rooms.admit_waiting is 'lets those who wait into a locked room, in their order, up to its seats';

-- ---- what people set. Of times, '' is none; of a password's hash too; of minutes, 0 ----

create function rooms.create_room(actor bigint, new_name text, new_description text, new_is_private boolean, new_hash text,
                                  new_max_participants bigint, new_is_active boolean, new_invite_only boolean,
                                  new_unlisted boolean, new_waiting_room boolean, new_starts_at text, new_ends_at text,
                                  new_max_duration bigint, out outcome text, out reply rooms.room_view)
    language plpgsql as $$
declare
    first timestamptz := nullif(new_starts_at, '')::timestamptz;
    last  timestamptz := nullif(new_ends_at, '')::timestamptz;
    new_id bigint;
begin
    if last <= first then
        outcome := 'ends_before_start';
        return;
    end if;
    insert into rooms.room (name, description, is_private, password_hash, max_participants, is_active, owner_id, invite_only,
                            unlisted, waiting_room, starts_at, ends_at, max_duration_minutes, phase)
    values (new_name, new_description, new_is_private, nullif(new_hash, ''), new_max_participants, new_is_active, actor,
            new_invite_only, new_unlisted, new_waiting_room, first, last, nullif(new_max_duration, 0),
            rooms.phase_at(clock_timestamp(), first, last))
    returning id into new_id;
    perform rooms.tell('room.created', new_id, null, actor);
    select * into reply from rooms.room_view where id = new_id;
    outcome := 'ok';
end
$$;

create function rooms.change_room(for_room bigint, actor bigint, expected_version bigint, new_name text,
                                  new_description text, new_is_private boolean, new_hash text, new_max_participants bigint,
                                  new_is_active boolean, new_invite_only boolean, new_unlisted boolean,
                                  new_waiting_room boolean, new_starts_at text, new_ends_at text, new_max_duration bigint,
                                  out outcome text, out reply rooms.room_view)
    language plpgsql as $$
declare
    this  rooms.room := rooms.lock_room(for_room);
    first timestamptz := nullif(coalesce(new_starts_at, this.starts_at::text), '')::timestamptz;
    last  timestamptz := nullif(coalesce(new_ends_at, this.ends_at::text), '')::timestamptz;
    had_waiting_room boolean := this.waiting_room;
begin
    if this.id is null then
        outcome := 'room_not_found';
        return;
    elsif this.version <> expected_version then
        outcome := 'precondition_failed';
        return;
    elsif last <= first then
        outcome := 'ends_before_start';
        return;
    end if;
    update rooms.room
       set name = coalesce(new_name, name),
           description = coalesce(new_description, description),
           is_private = coalesce(new_is_private, is_private),
           password_hash = nullif(coalesce(new_hash, password_hash), ''),
           max_participants = coalesce(new_max_participants, max_participants),
           is_active = coalesce(new_is_active, is_active),
           invite_only = coalesce(new_invite_only, invite_only),
           unlisted = coalesce(new_unlisted, unlisted),
           waiting_room = coalesce(new_waiting_room, waiting_room),
           starts_at = first,
           ends_at = last,
           max_duration_minutes = nullif(coalesce(new_max_duration, max_duration_minutes), 0),
           -- A new start with nobody there is another meeting: its duration begins with its own first join.
           first_joined_at = case when new_starts_at is null or participant_count > 0 then first_joined_at end,
           version = version + 1,
           updated_at = clock_timestamp()
     where id = for_room
    returning * into this;
    perform rooms.tell('room.updated', for_room, null, actor);
    this := rooms.settle(this);
    if had_waiting_room and not this.waiting_room then
        perform rooms.admit_waiting(this, actor);
    end if;
    select * into reply from rooms.room_view where id = for_room;
    outcome := 'ok';
end
$$;

comment on function rooms.change_room is 'changes what is not null; switching the waiting room off admits those who wait, up to the seats';

create function rooms.delete_room(for_room bigint, actor bigint, expected_version bigint) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
    member bigint;
begin
    if this.id is null then
        return 'room_not_found';
    elsif this.version <> expected_version then
        return 'precondition_failed';
    end if;
    for member in delete from rooms.participant where room_id = for_room returning user_id loop
        perform rooms.tell('room.left', for_room, member, null, 'deleted');
    end loop;
    delete from rooms.room where id = for_room;
    perform rooms.tell('room.deleted', for_room, null, actor);
    return 'ok';
end
$$;

commit;

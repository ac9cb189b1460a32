-- Deploy room:room_doors to pg
-- requires: room_join

begin;

set local lock_timeout = '5s';

-- What those who moderate a room decide about who gets in. As in room_join, an outcome is 'ok' or the code of an error.

-- ---- the waiting room ----

create function rooms.refusal(this rooms.room) returns text
    language sql immutable
    return case
        when this.id is null then 'room_not_found'
        when this.phase = 'ended' then 'room_ended'
        when this.phase = 'scheduled' then 'room_not_started'
        when not this.is_active then 'room_not_active'
    end;

comment on function rooms.refusal is 'why nobody can be let into a locked room; null: somebody can';

create function rooms.admit(for_room bigint, for_user bigint, actor bigint, out outcome text, out reply rooms.room_view)
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    outcome := rooms.refusal(this);
    if outcome is not null then
        return;
    elsif exists (select from rooms.participant where room_id = for_room and user_id = for_user) then
        outcome := 'ok';
    elsif not exists (select from rooms.waiting where room_id = for_room and user_id = for_user) then
        outcome := 'not_waiting';
    elsif this.participant_count >= this.max_participants then
        outcome := 'room_full';
    else
        perform rooms.tell('room.admitted', for_room, for_user, actor);
        perform rooms.seat(for_room, for_user);
        outcome := 'ok';
    end if;
    select * into reply from rooms.room_view where id = for_room;
end
$$;

create function rooms.admit_all(for_room bigint, actor bigint, out outcome text, out reply rooms.room_view)
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    outcome := rooms.refusal(this);
    if outcome is null then
        perform rooms.admit_waiting(this, actor);
        select * into reply from rooms.room_view where id = for_room;
        outcome := 'ok';
    end if;
end
$$;

create function rooms.deny(for_room bigint, for_user bigint, actor bigint) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null then
        return 'room_not_found';
    end if;
    delete from rooms.waiting where room_id = for_room and user_id = for_user;
    if not found then
        return 'not_waiting';
    end if;
    perform rooms.tell('room.denied', for_room, for_user, actor);
    return 'ok';
end
$$;

-- ---- bans: whoever is banned has nothing to do with the room any more ----

create function rooms.ban_user(for_room bigint, for_user bigint, actor bigint, is_admin boolean) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null then
        return 'room_not_found';
    elsif this.owner_id = for_user then
        return 'owner_banned';
    elsif not is_admin and actor is distinct from this.owner_id and rooms.moderates(for_user, for_room, null) then
        return 'moderator_banned';
    end if;
    insert into rooms.ban (room_id, user_id, banned_by) values (for_room, for_user, actor) on conflict do nothing;
    if not found then
        return 'ok';
    end if;
    delete from rooms.moderator where room_id = for_room and user_id = for_user;
    if found then
        update rooms.room set version = version + 1, updated_at = clock_timestamp() where id = for_room;
        perform rooms.tell('room.updated', for_room, null, actor);
    end if;
    delete from rooms.invitation where room_id = for_room and user_id = for_user;
    delete from rooms.waiting where room_id = for_room and user_id = for_user;
    perform rooms.tell('room.banned', for_room, for_user, actor);
    perform rooms.remove_participant(for_room, for_user, 'banned', actor);
    return 'ok';
end
$$;

create function rooms.unban_user(for_room bigint, for_user bigint) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    delete from rooms.ban where room_id = for_room and user_id = for_user;
    return case when this.id is null then 'room_not_found' else 'ok' end;
end
$$;

-- ---- invitations ----

create function rooms.invite(for_room bigint, for_user bigint, actor bigint) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null then
        return 'room_not_found';
    elsif exists (select from rooms.ban where room_id = for_room and user_id = for_user) then
        return 'user_banned';
    end if;
    insert into rooms.invitation (room_id, user_id, invited_by) values (for_room, for_user, actor) on conflict do nothing;
    return 'ok';
end
$$;

create function rooms.uninvite(for_room bigint, for_user bigint) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    delete from rooms.invitation where room_id = for_room and user_id = for_user;
    return case when this.id is null then 'room_not_found' else 'ok' end;
end
$$;

commit;

-- Deploy room:room_roles to pg
-- requires: user_gone

begin;

set local lock_timeout = '5s';

-- Who owns a room, who moderates it, and who has to go. As in room_join, an outcome is 'ok' or the code of an error. Whether
-- the actor may is looked at again here, under the room's lock: an owner who has handed over a moment ago is none any more.

create function rooms.note_change(for_room bigint, actor bigint) returns void
    language plpgsql as $$
begin
    update rooms.room set version = version + 1, updated_at = clock_timestamp() where id = for_room;
    perform rooms.tell('room.updated', for_room, null, actor);
end
$$;

comment on function rooms.note_change is 'of what people set of a locked room, something has changed';

create function rooms.hand_over(for_room bigint, heir bigint, actor bigint, is_admin boolean,
                                out outcome text, out reply rooms.room_view)
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null then
        outcome := 'room_not_found';
        return;
    elsif not is_admin and actor is distinct from this.owner_id then
        outcome := 'forbidden';
        return;
    elsif exists (select from rooms.ban where room_id = for_room and user_id = heir) then
        outcome := 'user_banned';
        return;
    elsif heir is distinct from this.owner_id then
        update rooms.room set owner_id = heir where id = for_room;
        delete from rooms.moderator where room_id = for_room and user_id = heir;
        perform rooms.note_change(for_room, actor);
    end if;
    select * into reply from rooms.room_view where id = for_room;
    outcome := 'ok';
end
$$;

comment on function rooms.hand_over is 'gives a room another owner; the one before keeps nothing but a seat';

create function rooms.appoint(for_room bigint, for_user bigint, actor bigint, is_admin boolean) returns text
    language plpgsql as $$
declare
    most_moderators constant bigint := 50;
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null then
        return 'room_not_found';
    elsif not is_admin and actor is distinct from this.owner_id then
        return 'forbidden';
    elsif this.owner_id = for_user then
        return 'owner_appointed';
    elsif exists (select from rooms.ban where room_id = for_room and user_id = for_user) then
        return 'user_banned';
    elsif exists (select from rooms.moderator where room_id = for_room and user_id = for_user) then
        return 'ok';
    elsif (select count(*) from rooms.moderator where room_id = for_room) >= most_moderators then
        return 'moderators_full';
    end if;
    insert into rooms.moderator (room_id, user_id) values (for_room, for_user);
    perform rooms.note_change(for_room, actor);
    return 'ok';
end
$$;

create function rooms.dismiss(for_room bigint, for_user bigint, actor bigint, is_admin boolean) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null then
        return 'room_not_found';
    elsif not is_admin and actor is distinct from this.owner_id and actor <> for_user then
        return 'moderator_dismissed';
    end if;
    delete from rooms.moderator where room_id = for_room and user_id = for_user;
    if found then
        perform rooms.note_change(for_room, actor);
    end if;
    return 'ok';
end
$$;

comment on function rooms.dismiss is 'takes the role of a moderator away; moderators may give it up themselves';

create function rooms.kick(for_room bigint, for_user bigint, actor bigint, is_admin boolean) returns text
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null then
        return 'room_not_found';
    elsif not is_admin and not rooms.moderates(actor, for_room, this.owner_id) then
        return 'forbidden';
    elsif this.owner_id = for_user then
        return 'owner_kicked';
    elsif not is_admin and actor is distinct from this.owner_id and rooms.moderates(for_user, for_room, null) then
        return 'moderator_kicked';
    end if;
    perform rooms.remove_participant(for_room, for_user, 'kicked', actor);
    return 'ok';
end
$$;

comment on function rooms.kick is 'puts somebody out who may come back; it is no fault if nobody was there';

commit;

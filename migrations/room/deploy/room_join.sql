-- Deploy room:room_join to pg
-- requires: room_changes

begin;

set local lock_timeout = '5s';

-- Hashing is slow and no business of the database: a room with a password answers with the hash that is wanted, and is asked
-- again with the hash that the password was good for.
create function rooms.join(for_room bigint, for_user bigint, is_admin boolean, verified_hash text,
                           out outcome text, out wanted_hash text, out place bigint, out reply rooms.room_view)
    language plpgsql as $$
declare
    most_waiting constant bigint := 1000;
    this      rooms.room := rooms.lock_room(for_room);
    moderates boolean := is_admin or rooms.moderates(for_user, for_room, this.owner_id);
    invited   boolean := exists (select from rooms.invitation where room_id = for_room and user_id = for_user);
    turn      bigint := (select ordinal from rooms.waiting where room_id = for_room and user_id = for_user);
begin
    if this.id is null or (this.unlisted and not is_admin and not rooms.knows(for_user, for_room, this.owner_id)) then
        outcome := 'room_not_found';
    elsif exists (select from rooms.participant where room_id = for_room and user_id = for_user) then
        outcome := 'ok';
    elsif exists (select from rooms.ban where room_id = for_room and user_id = for_user) then
        outcome := 'room_banned';
    elsif this.phase = 'ended' then
        outcome := 'room_ended';
    elsif this.phase = 'scheduled' and not moderates then
        outcome := 'room_not_started';
    elsif not this.is_active then
        outcome := 'room_not_active';
    elsif this.password_hash <> verified_hash and not invited and turn is null then
        outcome := 'room_password_invalid';
        wanted_hash := this.password_hash;
    elsif this.invite_only and this.password_hash is null and not moderates and not invited and turn is null then
        outcome := 'room_invitation_missing';
    elsif this.waiting_room and not moderates and not invited then
        place := (select count(*) from rooms.waiting where room_id = for_room and ordinal <= coalesce(turn, ordinal));
        outcome := 'waiting';
        if turn is null and place >= most_waiting then
            outcome := 'room_full';
        elsif turn is null then
            insert into rooms.waiting (room_id, user_id) values (for_room, for_user);
            perform rooms.tell('room.waiting', for_room, for_user);
            place := place + 1;
        end if;
    elsif this.participant_count >= this.max_participants then
        outcome := 'room_full';
    else
        perform rooms.seat(for_room, for_user);
        outcome := 'ok';
    end if;
    if outcome = 'ok' then
        select * into reply from rooms.room_view where id = for_room;
    end if;
end
$$;

comment on function rooms.join is 'gives somebody a seat or a place in the queue, or says why not: the order of the refusals is the contract''s';

create function rooms.leave(for_room bigint, for_user bigint, is_admin boolean, out outcome text, out reply rooms.room_view)
    language plpgsql as $$
declare
    this rooms.room := rooms.lock_room(for_room);
begin
    if this.id is null or (this.unlisted and not is_admin and not rooms.knows(for_user, for_room, this.owner_id)) then
        outcome := 'room_not_found';
        return;
    end if;
    delete from rooms.waiting where room_id = for_room and user_id = for_user;
    if found then
        perform rooms.tell('room.left', for_room, for_user, null, 'left_waiting');
    end if;
    perform rooms.remove_participant(for_room, for_user, 'left', null);
    select * into reply from rooms.room_view where id = for_room;
    outcome := 'ok';
end
$$;

comment on function rooms.leave is 'frees the seat of somebody, or the place in the queue; it is no fault to have none';

commit;

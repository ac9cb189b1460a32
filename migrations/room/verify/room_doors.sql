-- Verify room:room_doors on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id, waiting_room)
values (9007199254740991, 'verify of migrations', false, 2, true, 9007199254740001, true);
insert into rooms.waiting (room_id, user_id, ordinal) overriding system value
values (9007199254740991, 9007199254740002, -3), (9007199254740991, 9007199254740003, -2),
       (9007199254740991, 9007199254740004, -1);

do $$
declare
    id    constant bigint := 9007199254740991;
    owner constant bigint := 9007199254740001;
    guest constant bigint := 9007199254740002;
begin
    if (rooms.admit(id, 9007199254740009, owner)).outcome <> 'not_waiting' or (rooms.admit(id, guest, owner)).outcome <> 'ok'
       or (rooms.admit(id, guest, owner)).outcome <> 'ok' then
        raise exception 'rooms.admit does not admit who waits';
    end if;
    if ((rooms.admit_all(id, owner)).reply)."participantCount" <> 2 or (rooms.admit(id, 9007199254740004, owner)).outcome <> 'room_full' then
        raise exception 'rooms.admit_all does not fill the seats';
    end if;
    if rooms.deny(id, 9007199254740004, owner) <> 'ok' or rooms.deny(id, 9007199254740004, owner) <> 'not_waiting' then
        raise exception 'rooms.deny does not deny';
    end if;
    if rooms.invite(id, guest, owner) <> 'ok' or rooms.ban_user(id, guest, owner, false) <> 'ok' then
        raise exception 'rooms.ban_user does not';
    end if;
    if rooms.knows(guest, id, owner) or rooms.invite(id, guest, owner) <> 'user_banned'
       or rooms.ban_user(id, owner, owner, true) <> 'owner_banned' then
        raise exception 'rooms.ban_user does not ban';
    end if;
    if rooms.unban_user(id, guest) <> 'ok' or rooms.unban_user(id, guest) <> 'ok' or rooms.invite(id, guest, owner) <> 'ok'
       or rooms.uninvite(id, guest) <> 'ok' or rooms.uninvite(-1, guest) <> 'room_not_found' then
        raise exception 'bans and invitations are not taken back';
    end if;
end
$$;

rollback;

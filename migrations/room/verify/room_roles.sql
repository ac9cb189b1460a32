-- Verify room:room_roles on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id, participant_count)
values (9007199254740991, 'verify of migrations', false, 2, true, 9007199254740001, 1);
insert into rooms.participant (room_id, user_id) values (9007199254740991, 9007199254740002);

do $$
declare
    id    constant bigint := 9007199254740991;
    owner constant bigint := 9007199254740001;
    guest constant bigint := 9007199254740002;
    other constant bigint := 9007199254740003;
begin
    if rooms.appoint(id, guest, guest, false) <> 'forbidden' or rooms.appoint(id, owner, owner, false) <> 'owner_appointed'
       or rooms.appoint(id, guest, owner, false) <> 'ok' or rooms.appoint(id, guest, owner, false) <> 'ok' then
        raise exception 'rooms.appoint does not appoint';
    end if;
    if rooms.kick(id, owner, guest, false) <> 'owner_kicked' or rooms.kick(id, guest, guest, false) <> 'moderator_kicked'
       or rooms.kick(id, guest, other, false) <> 'forbidden' or rooms.kick(id, guest, owner, false) <> 'ok' then
        raise exception 'rooms.kick kicks whom it must not';
    end if;
    if exists (select from rooms.participant where room_id = 9007199254740991) then
        raise exception 'rooms.kick does not kick';
    end if;
    if ((rooms.hand_over(id, guest, owner, false)).reply)."ownerId" <> guest
       or (rooms.hand_over(id, owner, owner, false)).outcome <> 'forbidden' then
        raise exception 'rooms.hand_over does not hand over';
    end if;
    if rooms.moderates(guest, id, null) then
        raise exception 'rooms.hand_over leaves the owner a moderator';
    end if;
    if rooms.appoint(id, other, guest, false) <> 'ok' or rooms.dismiss(id, other, owner, false) <> 'moderator_dismissed'
       or rooms.dismiss(id, other, other, false) <> 'ok' or rooms.dismiss(id, other, guest, false) <> 'ok' then
        raise exception 'rooms.dismiss does not dismiss';
    end if;
    if rooms.moderates(other, id, null) then
        raise exception 'rooms.dismiss leaves the role';
    end if;
end
$$;

rollback;

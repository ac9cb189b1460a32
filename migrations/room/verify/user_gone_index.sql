-- Verify room:user_gone_index on pg: as the service's role, gone users are not kept for ever, and are no heirs

begin;

set local role backend_room;

do $$
declare
    gone constant bigint := 9007199254740991;
    kept constant bigint := 9007199254740991;
begin
    insert into rooms.room (id, name, is_private, max_participants, is_active, owner_id, participant_count)
    values (kept, 'Verify of Migrations', false, 10, true, gone, 2);
    insert into rooms.moderator (room_id, user_id) values (kept, 9007199254740990);
    insert into rooms.participant (room_id, user_id) values (kept, 9007199254740990), (kept, 9007199254740989);
    insert into rooms.gone_user (user_id, gone_at) values (9007199254740988, now() - interval '2 hours');
    perform rooms.mark_gone(gone), rooms.mark_gone(9007199254740990);
    perform rooms.forget_user(gone, 100);
    if (select owner_id from rooms.room where id = kept) <> 9007199254740989 then
        raise exception 'rooms.hand_down does not find the heir';
    end if;
    if exists (select from rooms.gone_user where user_id = 9007199254740988) then
        raise exception 'rooms.mark_gone keeps who has long been gone';
    end if;
end
$$;

rollback;

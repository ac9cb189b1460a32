-- Verify room:room_moderators_fill on pg

begin;

do $$
begin
    if exists (select from rooms.moderator join rooms.room on id = room_id
                where moderators is null or user_id <> all (moderators)) then
        raise exception 'the row of a room does not say all who moderate it';
    end if;
end
$$;

rollback;

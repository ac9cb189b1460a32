-- Deploy room:room_moderators to pg
-- requires: room_people

begin;

set local lock_timeout = '5s';

-- Who reads a room reads its moderators with it, far more often than they change.
alter table rooms.room add column moderators bigint[];

comment on column rooms.room.moderators is 'the users of rooms.moderator, who was appointed first first; null: none. Kept by a trigger there';

-- From what the row has now, not from rooms.moderator: of two who change the moderators of a room at once, the second waits
-- here for the first, but would not see what that one did.
create function rooms.keep_moderators() returns trigger
    language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        update rooms.room set moderators = array_append(moderators, new.user_id) where id = new.room_id;
    else
        update rooms.room set moderators = nullif(array_remove(moderators, old.user_id), '{}') where id = old.room_id;
    end if;
    return null;
end
$$;

create trigger keep_moderators after insert or delete on rooms.moderator
    for each row execute function rooms.keep_moderators();

commit;

-- Verify room:room_view on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, participant_count, owner_id, ends_at)
values (9007199254740991, 'verify of migrations', false, 2, true, 1, 7, now());
insert into rooms.moderator (room_id, user_id) values (9007199254740991, 9), (9007199254740991, 8);

do $$
declare
    this rooms.room_view;
begin
    select * into this from rooms.room_view where id = 9007199254740991;
    if this.status <> 'ended' or this."participantCount" <> 0 or this.moderators <> '{9,8}' or this.version <> 1 then
        raise exception 'rooms.room_view shows %', this;
    end if;
    if not (rooms.knows(7, this.id, this."ownerId") and rooms.knows(8, this.id, this."ownerId")
            and rooms.moderates(7, this.id, this."ownerId") and rooms.moderates(8, this.id, this."ownerId"))
       or rooms.knows(1, this.id, this."ownerId") or rooms.moderates(1, this.id, null) then
        raise exception 'who knows and moderates a room is wrong';
    end if;
end
$$;

rollback;

-- Verify room:room_now on pg: as the service's role

begin;

set local role backend_room;

insert into rooms.room (id, name, is_private, max_participants, is_active, participant_count, starts_at, ends_at, created_at)
values (9007199254740991, 'verify of migrations', false, 2, true, 1, null, now(), '2024-02-29 23:59:59.9876+02');
insert into rooms.moderator (room_id, user_id) values (9007199254740991, 9);

do $$
declare
    this rooms.room_now;
    told rooms.room_view;
begin
    select * into this from rooms.room_now where id = 9007199254740991;
    if this.status <> 'ended' or this."participantCount" <> 0 or this.moderators <> '{9}' or this."startsAt" is not null
       or this."createdAt" <> '2024-02-29 21:59:59.9876+00' then
        raise exception 'rooms.room_now shows %', this;
    end if;
    select * into told from rooms.room_view where id = 9007199254740991;
    if told.status <> 'ended' or told.moderators <> '{9}' or told."createdAt" <> '2024-02-29T21:59:59.987Z' then
        raise exception 'rooms.room_view shows %', told;
    end if;
end
$$;

rollback;

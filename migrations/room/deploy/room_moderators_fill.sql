-- Deploy room:room_moderators_fill to pg
-- requires: room_moderators

begin;

set local lock_timeout = '5s';

-- Apart from the change that adds the column: its lock would keep everybody from reading rooms meanwhile. This one keeps
-- moderators from changing, whom the statement would not see.
lock table rooms.moderator in share row exclusive mode;

update rooms.room
   set moderators = array(select user_id from rooms.moderator where room_id = room.id order by appointed_at, user_id)
 where id in (select room_id from rooms.moderator);

commit;

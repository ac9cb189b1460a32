-- Revert room:room_view from pg

begin;

drop function rooms.moderates;
drop function rooms.knows;
drop view rooms.room_view;

commit;

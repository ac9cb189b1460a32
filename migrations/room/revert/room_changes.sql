-- Revert room:room_changes from pg

begin;

drop function rooms.delete_room;
drop function rooms.change_room;
drop function rooms.create_room;
drop function rooms.admit_waiting;
drop function rooms.remove_participant;
drop function rooms.seat;
drop function rooms.lock_room;
drop function rooms.settle;
drop function rooms.tell;

commit;

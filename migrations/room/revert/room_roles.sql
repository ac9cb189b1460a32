-- Revert room:room_roles from pg

begin;

drop function rooms.kick;
drop function rooms.dismiss;
drop function rooms.appoint;
drop function rooms.hand_over;
drop function rooms.note_change;

commit;

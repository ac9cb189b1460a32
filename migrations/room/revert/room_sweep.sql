-- Revert room:room_sweep from pg

begin;

drop function rooms.sweep;

commit;

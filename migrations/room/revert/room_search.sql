-- Revert room:room_search from pg

begin;

drop index rooms.room_time_unlisted, rooms.room_time_listed, rooms.room_name_unlisted, rooms.room_name_listed,
    rooms.room_owner_listed, rooms.room_phase;
drop function rooms.known_after;
drop function rooms.matches;
drop function rooms.status_of;
drop function rooms.time_of;
drop function rooms.grams;
drop function rooms.fold;

commit;

-- Revert room:room_schedule from pg

begin;

alter table rooms.room
    drop closes_at,
    drop phase,
    drop first_joined_at,
    drop max_duration_minutes,
    drop ends_at,
    drop starts_at,
    drop waiting_room,
    drop unlisted,
    drop invite_only,
    drop version;
drop index rooms.room_owner;
drop function rooms.phase_at;
drop function rooms.closing_time;

commit;

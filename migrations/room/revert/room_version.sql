-- Revert room:room_version from pg

begin;

drop function rooms.expect_version;

commit;

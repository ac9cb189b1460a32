-- Deploy room:room_version to pg
-- requires: room_changes

begin;

set local lock_timeout = '5s';

create function rooms.expect_version(for_room bigint, versions bigint[]) returns bigint
    language plpgsql as $$
declare
    this rooms.room;
begin
    if versions is null then
        return null;
    end if;
    this := rooms.lock_room(for_room);
    return case when this.version = any (versions) then this.version else 0 end;
end
$$;

comment on function rooms.expect_version is 'what rooms.change_room and rooms.delete_room are to expect, where the room may have any of these versions (null: any at all). It locks the room: what it says holds until the end of the transaction';

commit;

-- Deploy room:user_gone_index to pg
-- requires: user_gone

begin;

set local lock_timeout = '5s';

-- No index knows clock_timestamp(), which is another at each row; and "not in" reads the whole table.

create or replace function rooms.mark_gone(for_user bigint) returns void
    language plpgsql as $$
begin
    perform pg_advisory_xact_lock(73264571, rooms.user_lock(for_user));
    insert into rooms.gone_user (user_id) values (for_user) on conflict do nothing;
    delete from rooms.gone_user where gone_at < now() - interval '1 hour';
end
$$;

create or replace function rooms.hand_down(this rooms.room) returns void
    language plpgsql as $$
declare
    heir bigint := coalesce(
        (select user_id from rooms.moderator
          where room_id = this.id and not exists (select from rooms.gone_user where gone_user.user_id = moderator.user_id)
          order by appointed_at, user_id limit 1),
        (select user_id from rooms.participant
          where room_id = this.id and not exists (select from rooms.gone_user where gone_user.user_id = participant.user_id)
          order by joined_at, user_id limit 1));
begin
    if heir is null then
        perform rooms.delete_room(this.id, null, null);
        return;
    end if;
    delete from rooms.moderator where room_id = this.id and user_id = heir;
    update rooms.room set owner_id = heir, version = version + 1, updated_at = clock_timestamp() where id = this.id;
    perform rooms.tell('room.updated', this.id);
end
$$;

commit;

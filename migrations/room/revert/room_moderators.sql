-- Revert room:room_moderators from pg

begin;

drop trigger keep_moderators on rooms.moderator;
drop function rooms.keep_moderators;
alter table rooms.room drop column moderators;

commit;

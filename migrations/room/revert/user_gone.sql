-- Revert room:user_gone from pg

begin;

drop function rooms.forget_user;
drop function rooms.hand_down;
drop function rooms.mark_gone;
drop trigger check_owner on rooms.room;
drop trigger check_user on rooms.waiting;
drop trigger check_user on rooms.invitation;
drop trigger check_user on rooms.ban;
drop trigger check_user on rooms.moderator;
drop trigger check_user on rooms.participant;
drop function rooms.check_owner_id;
drop function rooms.check_user_id;
drop function rooms.check_user;
drop function rooms.user_lock;
drop table rooms.gone_user;

commit;

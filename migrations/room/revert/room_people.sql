-- Revert room:room_people from pg

begin;

drop index rooms.participant_user;
drop table rooms.waiting;
drop table rooms.invitation;
drop table rooms.ban;
drop table rooms.moderator;

commit;

-- Revert room:room_doors from pg

begin;

drop function rooms.uninvite;
drop function rooms.invite;
drop function rooms.unban_user;
drop function rooms.ban_user;
drop function rooms.deny;
drop function rooms.admit_all;
drop function rooms.admit;
drop function rooms.refusal;

commit;

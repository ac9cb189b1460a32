-- Revert room:participant from pg

begin;

drop table rooms.participant;
update rooms.room set participant_count = 0;

commit;

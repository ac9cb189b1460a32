-- Revert room:room_moderators_fill from pg: what it wrote is true, and goes with the column

begin;

commit;

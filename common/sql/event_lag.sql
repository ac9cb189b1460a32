-- read: of each subscriber, how many events it has not handled (of those without a number at most 10,000 are counted), and how
-- many seconds old the oldest of them is
select subscriber.name,
       greatest(event_counter.last - subscriber.number, 0)
           + (select count(*) from (select from outbox where number is null limit 10000) as unnumbered) as behind,
       coalesce(extract(epoch from clock_timestamp() - coalesce(
           (select at from outbox where number > subscriber.number order by number limit 1),
           (select at from outbox where number is null order by id limit 1)))::bigint, 0) as age
  from subscriber, event_counter
 order by subscriber.name
 limit 100

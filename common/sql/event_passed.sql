-- read: the number of the last event of publisher $1 that was handled
select number
  from publisher
 where name = $1::text

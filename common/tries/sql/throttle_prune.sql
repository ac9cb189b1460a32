-- write: removes at most $1 counts whose window is over; how many it removed
with gone as (
    delete from throttle
     where ctid = any (array(select ctid
                               from throttle
                              where ends_at <= now()
                              order by ends_at
                              limit $1::bigint
                                for update skip locked))
    returning 1
)
select count(*) from gone

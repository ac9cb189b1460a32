-- write: removes at most $1 sessions that are over; how many it removed
with gone as (
    delete from auth.session
     where ctid = any (array(select ctid
                               from auth.session
                              where expires_at <= now()
                              order by expires_at
                              limit $1::bigint
                                for update skip locked))
    returning 1
)
select count(*) from gone

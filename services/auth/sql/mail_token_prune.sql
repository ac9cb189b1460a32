-- write: removes at most $1 tokens that are over; how many it removed
with gone as (
    delete from auth.mail_token
     where ctid = any (array(select ctid
                               from auth.mail_token
                              where expires_at <= now()
                              order by expires_at
                              limit $1::bigint
                                for update skip locked))
    returning 1
)
select count(*) from gone

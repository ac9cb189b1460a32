-- write: removes at most $1 mails that were given up and are a month old; how many it removed
with gone as (
    delete from auth.mail
     where ctid = any (array(select ctid
                               from auth.mail
                              where due_at = 'infinity' and created_at < now() - interval '30 days'
                              limit $1::bigint
                                for update skip locked))
    returning 1
)
select count(*) from gone

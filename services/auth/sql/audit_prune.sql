-- write: removes at most $1 entries of the audit trail that are older than $2 days; how many it removed. Nothing is locked
-- before: our role may not change the trail, and a lock is a change.
with gone as (
    delete from auth.audit
     where ctid = any (array(select ctid
                               from auth.audit
                              where at < now() - make_interval(days => $2::bigint::integer)
                              order by at
                              limit $1::bigint))
    returning 1
)
select count(*) from gone

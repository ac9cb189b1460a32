-- write: another username, email, role, and whether the account is shut; null keeps what is. Another email is unverified, or,
-- where $6 and the one there is is verified, it waits until it is confirmed. No row: there is no such person, or it is the
-- last admin, who stays one: the admins are locked and looked at again, so that of two who leave at once one stays
with admin as materialized (
    select id
      from users.person
     where role = 'admin' and disabled_at is null and ($4::text <> 'admin' or $5::boolean)
     order by id
       for update
)
update users.person
   set username = coalesce($2::text, username),
       email = case when $6::boolean and email_verified_at is not null then email else coalesce($3::text, email) end,
       role = coalesce($4::text, role),
       disabled_at = case when $5::boolean is null then disabled_at when $5::boolean then coalesce(disabled_at, now()) end,
       email_verified_at = case when $3::text <> email and not $6::boolean then null else email_verified_at end,
       pending_email = case
           when $3::text is null then pending_email
           when $6::boolean and email_verified_at is not null then nullif($3::text, email)
       end
 where id = $1::bigint and not ((select count(*) from admin) = 1 and exists (select from admin where admin.id = $1::bigint))
returning id, username, email, role, created_at as "createdAt",
          null as rooms, email_verified_at is not null as "emailVerified", nullif(disabled_at is not null, false) as disabled,
          pending_email as "pendingEmail"

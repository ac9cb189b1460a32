-- write: the mailbox of $2 is shown to be the person's: their email's, or the one that was to take its place and does so now.
-- No row: neither. It is an admin's where it is $3
with former as (
    select id, email, role from users.person where id = $1::bigint for no key update
)
update users.person
   set email = $2::text, email_verified_at = coalesce(case when person.email = $2::text then email_verified_at end, now()),
       pending_email = case when person.email = $2::text then pending_email end,
       role = case when $3::text <> '' and users.fold($2::text) = users.fold($3::text) then 'admin' else person.role end
  from former
 where person.id = former.id and (person.email = $2::text or person.pending_email = $2::text)
returning person.id as "userId", person.username, former.email as "formerEmail",
          former.role <> 'admin' and person.role = 'admin' as "madeAdmin"

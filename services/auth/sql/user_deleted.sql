-- write: nothing of the person that the event $1 tells of stays, but in the audit trail
with token as (
    delete from auth.mail_token
     where user_id = ($1::text::jsonb->>'userId')::bigint
)
delete from auth.credential
 where user_id = ($1::text::jsonb->>'userId')::bigint

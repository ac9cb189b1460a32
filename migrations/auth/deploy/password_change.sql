-- Deploy auth:password_change to pg
-- requires: mail
-- requires: credential_pending

begin;

set local lock_timeout = '5s';

-- Each statement in it sees what committed before that statement. Whoever begins a session shares the credential's row with us
-- until it has committed: so the second one sees all sessions of the old password, and no more of them begin.
create function auth.set_password(person_id bigint, new_hash text, except_session_id bigint) returns setof bigint
    language plpgsql as $$
begin
    insert into auth.credential (user_id, hash)
    values (person_id, new_hash)
        on conflict (user_id) do update set hash = excluded.hash, updated_at = now();
    return query
        delete from auth.session where user_id = person_id and id <> except_session_id returning id;
end
$$;

comment on function auth.set_password is 'a person''s new password, and the end of the sessions that the old one began, all but one: their ids';

-- No row: the token is not good. Else its user, and the sessions that ended, one a row (null: none).
create function auth.reset_password(presented_hash bytea, new_hash text) returns table (session_id bigint, person_id bigint)
    language plpgsql as $$
declare
    owner_id bigint;
begin
    delete from auth.mail_token
     where hash = presented_hash and kind = 'password_reset' and expires_at > now()
    returning user_id into owner_id;
    if owner_id is null then
        return;
    end if;
    return query
        select ended.id, owner_id from (select) as once left join auth.set_password(owner_id, new_hash, 0) as ended (id) on true;
end
$$;

comment on function auth.reset_password is 'uses up a password_reset token for its user''s new password';

comment on column auth.credential.updated_at is 'when the password was set; the same one hashed anew is none';

commit;

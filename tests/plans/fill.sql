-- Data for tests/integration/plans.c: fill.rooms rooms, five participations each, and as many of everything else that grows.
-- Without triggers and foreign keys, which would cost more than all the rest.
set session_replication_role = replica;
set client_min_messages = warning;
create temporary view fill as select current_setting('fill.rooms')::bigint as count;
create temporary view many as select n from fill, generate_series(1, fill.count) as n;

-- Indexes are made at the end, which is faster than with each row; constraints keep theirs.
set maintenance_work_mem = '256MB';
create temporary table dropped as
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
      from pg_index join pg_class on pg_class.oid = indexrelid
     where relnamespace::regnamespace::text in ('auth', 'users', 'rooms', 'posts')
       and not exists (select from pg_constraint where conindid = indexrelid);
do $$
declare
    index record;
begin
    for index in select * from dropped loop
        execute 'drop index ' || index.name;
    end loop;
end
$$;

-- ---- people, and how they prove who they are ----

insert into users.person (id, username, email, role, email_verified_at)
select n, 'user' || n, 'user' || n || '@example.org', case when n <= 3 then 'admin' else 'user' end, now() from many;

insert into auth.credential (user_id, hash, is_pending, updated_at) select n, 'x', n % 1000 = 0, now() - '1 hour'::interval from many;
insert into auth.session (user_id, key_hash, token_hash, expires_at, address, agent)
select n, sha256(n::text::bytea), sha256(n::text::bytea), now() + case when n % 4 = 0 then '-1 day' else '1 day' end::interval, '', '' from many;
insert into auth.audit (at, action, user_id, address, request_id)
select now() - make_interval(secs => n), 'action' || n % 20, 1 + n % 1000, '', '' from many;
insert into auth.mail (kind, user_id, email, due_at, created_at)
select 'verify_email', n, '', case when n % 10 = 0 then 'infinity' else now() + '1 day'::interval end, now() - '40 days'::interval
  from many;
insert into auth.mail (kind, user_id, email) select 'verify_email', n, '' from generate_series(1, 10) as n;
insert into auth.mail_token (user_id, kind, hash, email, expires_at)
select n, 'password_reset', sha256(n::text::bytea), '', now() + case when n % 4 = 0 then '-1 day' else '1 day' end::interval from many;
insert into auth.throttle (key, ends_at, used)
select sha256(n::text::bytea), now() + case when n % 4 = 0 then '-1 day' else '1 day' end::interval, 1 from many;
insert into rooms.throttle select * from auth.throttle;

-- ---- rooms. User 1 owns one in twenty, user 2 is in one in fifty; one in five is unlisted ----

insert into rooms.room (id, name, is_private, max_participants, is_active, participant_count, owner_id, unlisted, starts_at,
                        ends_at, phase)
select n, 'Room ' || n, false, 10, n % 10 <> 0, 5, case when n % 20 = 0 then 1 else n end, n % 5 = 0,
       case when n % 25 = 1 then now() + make_interval(hours => (n % 1000)::integer + 1)
            when n % 25 = 2 then now() - '10 days'::interval end,
       case n % 25 when 2 then now() - '9 days'::interval when 3 then now() + '9 days'::interval end,
       case n % 25 when 1 then 'scheduled' when 2 then 'ended' else 'open' end
  from many;
insert into rooms.participant (room_id, user_id)
select n, 1000 + (n * 5 + k * 1009) % (fill.count - 1000) from fill, many, generate_series(0, 4) as k;
insert into rooms.participant (room_id, user_id) select n, 2 from many where n % 50 = 4;
insert into rooms.moderator (room_id, user_id) select n, 1 + n % 900 from many where n % 10 = 0;
insert into rooms.ban (room_id, user_id, banned_by) select n, 1 + n % 900, 1 from many where n % 10 = 1;
insert into rooms.invitation (room_id, user_id, invited_by) select n, 1 + n % 900, 1 from many where n % 10 = 2;
insert into rooms.waiting (room_id, user_id) select n, k from many, generate_series(901, 903) as k where n % 20 = 3;
insert into rooms.gone_user (user_id) select 9000000000 + n from many;

-- Rooms for what samples does to them: each in a state of its own, and open otherwise.
create temporary table set_up (id bigint, password_hash text, waiting_room boolean, max_participants integer,
                               starts_at timestamptz, ends_at timestamptz, phase text, owner_id bigint);
insert into set_up values
    (11, 'hash', false, 10, null, null, 'open', 11),
    (12, null, true, 10, null, null, 'open', 12),
    (13, null, false, 10, null, now() - '1 s'::interval, 'open', 13),
    (14, null, false, 10, now() - '1 s'::interval, null, 'scheduled', 14),
    (16, null, false, 5, null, null, 'open', 16),
    (17, null, false, 10, null, null, 'open', 990),
    (18, null, false, 10, null, null, 'open', 990),
    (19, null, false, 10, null, null, 'open', 990),
    (20, null, false, 10, null, null, 'open', 990);
update rooms.room
   set password_hash = set_up.password_hash, waiting_room = set_up.waiting_room, max_participants = set_up.max_participants,
       starts_at = set_up.starts_at, ends_at = set_up.ends_at, phase = set_up.phase, owner_id = set_up.owner_id,
       unlisted = false, is_active = true
  from set_up
 where room.id = set_up.id;
delete from rooms.waiting where room_id in (select id from set_up);
insert into rooms.waiting (room_id, user_id) select 12, k from generate_series(901, 903) as k;
delete from rooms.moderator where room_id in (select id from set_up);
insert into rooms.moderator (room_id, user_id) values (17, 991), (18, 990), (12, 992);
delete from rooms.participant where room_id = 19;
insert into rooms.ban (room_id, user_id, banned_by) values (12, 904, 1);
insert into rooms.invitation (room_id, user_id, invited_by) values (11, 990, 1), (12, 905, 1);

-- ---- posts ----

insert into posts.post (title, content, author_id) select 'title', 'content', case when n % 20 = 0 then 1 else n end from many;
insert into posts.gone_author (author_id) select 9000000000 + n from many;

-- ---- events: all but ten have their numbers, all but the last are old ----

do $$
declare
    owner text;
begin
    foreach owner in array array['auth', 'users', 'rooms', 'posts'] loop
        execute format('insert into %I.outbox (number, at, name, body)
                        select n, now() - interval ''2 hours'', ''user.updated'', jsonb_build_object(''userId'', n) from many', owner);
        execute format('insert into %I.outbox (name, body) select ''user.updated'', jsonb_build_object(''userId'', n) from generate_series(1, 10) n', owner);
        execute format('update %I.event_counter set last = fill.count from fill', owner);
        execute format('insert into %I.subscriber (name, number) select ''other'', fill.count from fill', owner);
        execute format('insert into %I.publisher (name, number) values (''other'', 5)', owner);
    end loop;
end
$$;

-- ---- as after a life in which all this came about ----

do $$
declare
    index record;
begin
    for index in select * from dropped loop
        execute index.definition;
    end loop;
end
$$;

select setval('users.person_id', count) from fill;
do $$
declare
    identity record;
begin
    for identity in
        select format('%I.%I', n.nspname, c.relname) as name, a.attname as column
          from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         where a.attidentity <> '' and n.nspname in ('auth', 'users', 'rooms', 'posts')
    loop
        execute format('select setval(pg_get_serial_sequence(%L, %L), coalesce(max(%I), 0) + 1) from %s', identity.name,
                       identity.column, identity.column, identity.name);
    end loop;
end
$$;
reset session_replication_role;
reset client_min_messages;
analyze;

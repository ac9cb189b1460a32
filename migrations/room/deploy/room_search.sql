-- Deploy room:room_search to pg
-- requires: room_schedule
-- requires: room_people

begin;

set local lock_timeout = '5s';

-- ---- what is looked for ----

-- As users.fold, letter for letter.
create function rooms.fold(text) returns text
    language sql immutable parallel safe
    return lower(upper(normalize($1, nfc) collate "und-x-icu") collate "und-x-icu");

comment on function rooms.fold is 'the same for texts that differ in case only; as users.fold';

-- Of our own and not pg_trgm's: that one is an extension, knows letters by the database's locale, and passes over all others.
create function rooms.grams(text) returns text[]
    language sql immutable parallel safe cost 1000
    return array(select distinct substr(rooms.fold($1), place, 3)
                   from generate_series(1, length(rooms.fold($1)) - 2) as place);

comment on function rooms.grams is 'all that stands in three neighbouring places of a folded text: who contains another text has all of its grams';

-- A moderator who came early may have set off a duration that is over before the start.
create function rooms.time_of(starts_at timestamptz, closes_at timestamptz) returns tstzrange
    language sql immutable parallel safe
    return case
        when starts_at > closes_at then tstzrange(closes_at, closes_at)
        when starts_at is not null or closes_at is not null then tstzrange(starts_at, closes_at)
    end;

comment on function rooms.time_of is 'when a room takes place; null of one that has no schedule: it is always there';

-- What room_view shows as status.
create function rooms.status_of(this rooms.room) returns text
    language sql stable parallel safe
    return case
        when this.phase = 'ended' then this.phase
        when this.phase = 'open' then rooms.phase_at(now(), null, this.closes_at)
        else rooms.phase_at(now(), this.starts_at, this.closes_at)
    end;

create function rooms.matches(this rooms.room, wanted_owner bigint, wanted_status text, part text, during tstzrange)
    returns boolean
    language sql stable parallel safe
    return (wanted_owner is null or this.owner_id = wanted_owner)
           and (wanted_status is null or rooms.status_of(this) = wanted_status)
           and (during is null or rooms.time_of(this.starts_at, this.closes_at) && during)
           and (part is null or strpos(rooms.fold(this.name), part) > 0);

comment on function rooms.matches is 'whether a room is what a list asks for; null: whatever it is. part is folded';

-- ---- where it is looked for ----

create function rooms.known_after(for_user bigint, after bigint, most bigint) returns setof bigint
    language sql stable parallel safe
    begin atomic
        select id
          from ((select id from rooms.room where owner_id = for_user and id > after order by id limit most)
                union
                (select room_id from rooms.participant where user_id = for_user and room_id > after order by room_id limit most)
                union
                (select room_id from rooms.invitation where user_id = for_user and room_id > after order by room_id limit most)
                union
                (select room_id from rooms.moderator where user_id = for_user and room_id > after order by room_id limit most)
                union
                (select room_id from rooms.waiting where user_id = for_user and room_id > after order by room_id limit most)
               ) as known (id)
         order by id
         limit most;
    end;

comment on function rooms.known_after is 'the next rooms that somebody has to do with (rooms.knows), by id: those that are shown though they are unlisted';

-- unlisted stands in front of what is sorted by: however many rooms somebody may not see, nobody passes over them.
create index room_phase on rooms.room (phase, unlisted, id);
create index room_owner_listed on rooms.room (owner_id, unlisted, id);

-- fastupdate would let a search pay for many inserts at once.
create index room_name_listed on rooms.room using gin (rooms.grams(name)) with (fastupdate = off) where not unlisted;
create index room_name_unlisted on rooms.room using gin (rooms.grams(name)) with (fastupdate = off) where unlisted;

create index room_time_listed on rooms.room using gist (rooms.time_of(starts_at, closes_at))
    where not unlisted and (starts_at is not null or closes_at is not null);
create index room_time_unlisted on rooms.room using gist (rooms.time_of(starts_at, closes_at))
    where unlisted and (starts_at is not null or closes_at is not null);

commit;

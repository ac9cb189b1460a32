# shellcheck shell=bash
# What the measurements share: a release build's stack of its own, its rooms, a user's token, and wrk's numbers.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
connections=${CONNECTIONS:-256}
seconds=${SECONDS_EACH:-6}
export VAR=$root/build/bench BACKEND_PORT=${BACKEND_PORT:-3991} LOG_LEVEL=warn
unset DATABASE_URL DB_HOST
api=http://127.0.0.1:$BACKEND_PORT/api
password=correct-horse

start_stack() {
    "$root/deploy/stack" up >/dev/null
    trap '"$root/deploy/stack" down' EXIT
    "$root/deploy/stack" psql -q <<'SQL'
truncate rooms.room, rooms.participant restart identity cascade;
insert into rooms.room (name, description, is_private, max_participants, is_active, participant_count, owner_id)
    select 'room ' || i, 'description ' || i, false, 10, true, 5, 1 from generate_series(1, 1000) i;
insert into rooms.participant (room_id, user_id) select r, u from generate_series(1, 1000) r, generate_series(1, 5) u;
vacuum analyze rooms.room, rooms.participant;
SQL
    token=$(register "bench$EPOCHSECONDS")
}

# register NAME: a token of a new user. The data of the last run may still be there: take a new name each time.
register() {
    curl -sS "$api/auth/register" -d username="$1" -d email="$1@example.org" -d password=$password | jq -er .access_token
}

# get PATH: "REQUESTS_A_SECOND MEDIAN P99", the latter as wrk writes them; fails for any answer but 2xx.
get() {
    local path=$1 output
    output=$(wrk -t 1 -c "$connections" -d "${seconds}s" --latency -H "Authorization: Bearer $token" "$api$path")
    if grep 'Non-2xx\|Socket errors' <<<"$output" >&2; then
        printf 'at %s\n' "$path" >&2
        return 1
    fi
    awk '$1 == "50%" { median = $2 } $1 == "99%" { late = $2 } /^Requests\/sec/ { print $2, median, late }' <<<"$output"
}

#!/usr/bin/env bash
# README's session, run as it stands there on a stack of its own (a private Postgres, the migrations, all processes) and
# compared with what README says that it prints. Then what operators do to a running stack. Then Ctrl-C: nothing may be left
# running.
#
# usage: readme.sh BINARIES      the folder of the programs
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
programs=$(realpath "${1:?usage: readme.sh BINARIES}")
export FAST=1
unset DATABASE_URL DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD
work=$(mktemp -d /tmp/readme-XXXXXX)
chmod 0755 "$work" # Postgres may run as another user
export VAR=$work/var BINARIES=$work/programs # links, so that one can be exchanged
mkdir "$BINARIES"
find "$programs" -maxdepth 1 -type f -executable -exec ln -s -t "$BINARIES" {} +
stack=''

fail() {
    printf 'readme: %s\n' "$1" >&2
    [[ ! -e $work/stack.log ]] || tail -n 40 "$work/stack.log" >&2
    exit 1
}

clean_up() {
    if [[ -n $stack ]] && kill -INT "$stack" 2>/dev/null; then
        wait "$stack" || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT

is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below the ports that the kernel gives to clients (32768 and up): another suite's connection may take those at any time.
choose_ports() {
    local try above is_good
    for ((try = 0; try < 50; try++)); do
        export BACKEND_PORT=$((15000 + RANDOM % 3000))
        is_good=yes
        for above in 0 10000 11000 12000 13000 14000; do # of the API, the gateway's admin port, and the services'
            is_free $((BACKEND_PORT + above)) || is_good=''
        done
        [[ -z $is_good ]] || return 0
    done
    fail "no free ports"
}

# A job gets SIGINT ignored from a shell that is not interactive: not so here.
start_stack() {
    env --default-signal=INT setsid "$root/deploy/stack" run >"$work/stack.log" 2>&1 &
    stack=$!
    local try
    for ((try = 0; try < 600; try++)); do
        [[ ! -e $VAR/ready ]] || return 0
        kill -0 "$stack" 2>/dev/null || fail "the stack ended before it was ready"
        read -rt 0.1 <> <(:) || true
    done
    fail "the stack was not ready within a minute"
}

end_stack() {
    local processes
    processes=$(cat "$VAR"/processes/*)
    kill -INT "$stack"
    wait "$stack" || fail "the stack ended with status $?"
    stack=''
    for process in $processes; do
        ! kill -0 "$process" 2>/dev/null || fail "process $process is left running"
    done
}

# says WORDS COMMAND…: the command must fail and say so.
refuses() {
    local words=$1 said
    shift
    ! said=$("$@" 2>&1) || fail "$* does not fail"
    [[ $said == *"$words"* ]] || fail "$* says: $said"
}

# A request's status, by the token of a user who has been there all along.
status_of() {
    curl -s -o /dev/null -w '%{http_code}' "http://localhost:$BACKEND_PORT/api$1" -H "Authorization: Bearer $token" "${@:2}"
}

make_an_admin() {
    local said
    token=$(curl -s "http://localhost:$BACKEND_PORT/api/auth/register" -d username="D'Arcy" -d email=darcy@example.org \
        -d password=correct-horse | jq -r .access_token)
    [[ $(status_of /admin/audit) == 403 ]] || fail "a new user is an admin"
    refuses "whose account?" "$root/deploy/stack" admin
    refuses "nobody is called 'Nobody'" "$root/deploy/stack" admin Nobody
    said=$("$root/deploy/stack" admin "D'Arcy" 2>&1) || fail "admin: $said"
    [[ $said == *"is an admin now" && $(status_of /admin/audit) == 200 ]] || fail "admin: $said, $(status_of /admin/audit)"
    [[ $("$root/deploy/stack" admin "D'Arcy" 2>&1) == *"already" ]] || fail "admin says the same twice"
    curl -s "http://localhost:$BACKEND_PORT/api/admin/audit?action=made_admin" -H "Authorization: Bearer $token" |
        jq -e '.[0] | .actorId == null and .requestId == "operator:'"$(id -un)"'"' >/dev/null || fail "the audit trail does not know"
}

ask_services() {
    local answer
    export BUS_DIR=$VAR/run
    answer=$("$BINARIES/call" user.find '{"username": "D'\''Arcy"}' | jq -r .role)
    [[ $answer == admin ]] || fail "call user.find: $answer"
    [[ $("$BINARIES/call" room.health) == '{"service":"room","ready":true}' ]] || fail "call room.health"
    refuses 'validation_failed: ["name should not be empty' "$BINARIES/call" --id 1 room.create '{"name": ""}'
    refuses "usage: call" "$BINARIES/call"
    refuses "not a JSON object" "$BINARIES/call" user.find '[1]'
    refuses "'find' is no method" "$BINARIES/call" find
    refuses "nobody answers at ipc://$work/nowhere/user" env BUS_DIR="$work/nowhere" "$BINARIES/call" --timeout 200 user.find
    unset BUS_DIR
}

# ---- what the supervisor does ----

process_of() {
    cat "$VAR/processes/$1"
}

# await_until WHAT COMMAND…
await_until() {
    local what=$1 try
    shift
    for ((try = 0; try < 600; try++)); do
        ! "$@" || return 0
        read -rt 0.1 <> <(:) || true
    done
    fail "$what: not within a minute"
}

is_another() {
    [[ $(process_of "$1") != "$2" ]] && kill -0 "$(process_of "$1")" 2>/dev/null
}

serves() {
    [[ $(status_of /posts) == 200 ]]
}

# The delays after which post is said to be started again, one a line.
delays() {
    sed -n 's/.*post ended.*starts again in \([0-9]*\) ms.*/\1/p' "$work/stack.log"
}

died_often() {
    (($(delays | wc -l) >= 5))
}

start_again_what_dies() {
    local process
    process=$(process_of post)
    kill -9 "$process"
    await_until "post is started again" is_another post "$process"
    await_until "post serves" serves
    ln -sf /bin/false "$BINARIES/post"
    kill "$(process_of post)"
    await_until "post dies five times" died_often
    delays | tail -n 4 | sort -nuc || fail "what dies at once is not started again later each time: $(delays | tr '\n' ' ')"
    ln -sf "$programs/post" "$BINARIES/post"
    await_until "post serves again" serves
}

back_up_and_restore() {
    "$root/deploy/stack" backup "$work/backup.dump" 2>"$work/said" || fail "backup: $(cat "$work/said")"
    [[ $(status_of /rooms/1 -X DELETE) == 200 && $(status_of /rooms/1) == 404 ]] || fail "an admin cannot delete a room"
    refuses "a stack runs in $VAR already" "$root/deploy/stack" restore "$work/backup.dump"
    end_stack
    "$root/deploy/postgres" remove "$VAR/postgres"
    "$root/deploy/stack" restore "$work/backup.dump" >"$work/said" 2>&1 || fail "restore: $(cat "$work/said")"
    start_stack
    [[ $(status_of /rooms/1) == 200 ]] || fail "what was backed up is not there"
}

choose_ports
refuses "no stack runs in $VAR" "$root/deploy/stack" admin "D'Arcy"
start_stack
"$root/tests/support/readme" session "$BACKEND_PORT" || fail "the session is not as README.md says"
make_an_admin
ask_services
start_again_what_dies
back_up_and_restore
end_stack
echo "1 passed, 0 failed"

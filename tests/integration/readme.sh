#!/usr/bin/env bash
# README's session, run as it stands there on a stack of its own (a private Postgres, the migrations, all processes) and
# compared with what README says that it prints. Then what operators do to a running stack. Then Ctrl-C: nothing may be left
# running.
#
# usage: readme.sh BINARIES      the folder of the programs
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export BINARIES=${1:?usage: readme.sh BINARIES} FAST=1
unset DATABASE_URL DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD
work=$(mktemp -d /tmp/readme-XXXXXX)
chmod 0755 "$work" # Postgres may run as another user
export VAR=$work/var
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

# The block fenced by ```$1 that begins at or after the line that holds $2.
block() {
    awk -v fence="\`\`\`$1" -v after="$2" '
        index($0, after) { found = 1 }
        found && inside && /^```$/ { exit }
        inside { print }
        found && $0 == fence { inside = 1 }' "$root/README.md"
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
    curl -s -o /dev/null -w '%{http_code}' "http://localhost:$BACKEND_PORT/api$1" -H "Authorization: Bearer $token"
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

choose_ports
refuses "no stack runs in $VAR" "$root/deploy/stack" admin "D'Arcy"
block sh '## The API by example' | sed "s/localhost:3001/localhost:$BACKEND_PORT/" >"$work/session.sh"
block json '## The API by example' >"$work/expected"
[[ -s $work/session.sh && -s $work/expected ]] || fail "README.md has no session"
start_stack
bash -eu "$work/session.sh" >"$work/printed" || fail "the session failed"
diff -u --label "README.md says" "$work/expected" --label "it prints" "$work/printed" || fail "README's session prints other things"
make_an_admin
ask_services
end_stack
echo "1 passed, 0 failed"

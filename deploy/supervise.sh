# shellcheck shell=bash
# Keeps the processes of one stack running until a signal ends it: starts them in order, starts again what dies, and ends them
# in order. If it is killed itself, the system ends them (PDEATHSIG). Sourced by stack, which sets root, var, private,
# binaries, readiness and log_folder, and knows admin_port_of each.
# shellcheck disable=SC2154

servers=("${services[@]}" gateway)
patience_ms=60000  # for the stack to become ready
drain_ms=12000     # for a process to end
settled_ms=3000    # a process that lived this long is started again at once, others later each time
delay_max_ms=5000

declare -A process=()    # name → process id, while it runs
declare -A started_ms=() # name → when it was last started
declare -A due_ms=()     # name → when it is to be started again
declare -A failures=()   # name → deaths in a row, each soon after its start

exec {never}<> <(:) # a pipe that nobody writes to: reading it is sleeping, without a process

pause() {
    read -r -t "$1" -u "$never" || true
}

# Sets the variable $1.
now_ms() {
    local microseconds=${EPOCHREALTIME/[.,]/}
    printf -v "$1" '%s' "${microseconds%???}"
}

# ---- single processes ----

# Starts program $2… as process $1, in a session of its own, so that a terminal's Ctrl-C reaches only the supervisor. A shell
# starts what is in the background with SIGINT ignored: not so here.
spawn() {
    local name=$1 output
    shift
    if [[ -n $log_folder || $name == postgres ]]; then
        exec {output}>>"$var/log/$name.log"
    else
        exec {output}>&2
    fi
    env --default-signal=INT,QUIT setsid setpriv --pdeathsig TERM -- "$@" </dev/null >&"$output" 2>&1 {output}>&- &
    process[$name]=$!
    exec {output}>&-
    now_ms "started_ms[$name]"
    printf '%s\n' $! >"$var/processes/$name"
}

start_process() {
    case $1 in
    postgres) spawn postgres "$root/deploy/postgres" run "$private" ;;
    *) ADMIN_PORT=$(admin_port_of "$1") spawn "$1" "$binaries/$1" ;;
    esac
    unset "due_ms[$1]"
}

# A process that ended and that the shell has not waited for yet is still there, in state Z.
is_alive() {
    local state
    [[ -n ${process[$1]:-} ]] && read -r _ _ state _ 2>/dev/null <"/proc/${process[$1]}/stat" && [[ $state != Z ]]
}

signal_process() {
    ! is_alive "$2" || kill "-$1" "${process[$2]}" 2>/dev/null || true
}

# Forgets a process that ended, and sets how it did: end_status, and in words epitaph.
bury() {
    end_status=0
    {
        wait "${process[$1]}" || end_status=$?
        : # here the shell tells of a killed one, in words of its own
    } 2>/dev/null
    unset "process[$1]"
    if ((end_status > 128)); then
        epitaph="$1 was ended by signal $(kill -l "$end_status")"
    else
        epitaph="$1 ended with status $end_status"
    fi
}

# ---- starting again ----

schedule() {
    local name=$1 now delay=0
    now_ms now
    if ((now - started_ms[$name] >= settled_ms)); then
        failures[$name]=0
    fi
    if ((${failures[$name]:-0} > 0)); then
        delay=$((100 << (failures[$name] < 7 ? failures[$name] : 7)))
        delay=$((delay < delay_max_ms ? delay : delay_max_ms))
    fi
    failures[$name]=$((${failures[$name]:-0} + 1))
    due_ms[$name]=$((now + delay))
    say "$epitaph; starts again in $delay ms"
}

look_after_processes() {
    local name now
    for name in "${!process[@]}"; do
        if ! is_alive "$name"; then
            bury "$name"
            schedule "$name"
        fi
    done
    now_ms now
    for name in "${!due_ms[@]}"; do
        ((due_ms[$name] > now)) || start_process "$name"
    done
}

# ---- start-up ----

give_up() {
    say "$1"
    [[ -z ${2:-} || ! -s $var/log/$2.log ]] || tail -n 20 "$var/log/$2.log" >&2
    exit 1
}

# Before all is ready nothing is started again: what ends then would end each time.
await() {
    local condition=$1 what=$2 begin now name
    now_ms begin
    until "$condition"; do
        for name in "${!process[@]}"; do
            is_alive "$name" || { bury "$name" && give_up "$epitaph before the stack was ready" "$name"; }
        done
        now_ms now
        [[ -z $end_wanted ]] || exit 0
        ((now - begin < patience_ms)) || give_up "no $what within $((patience_ms / 1000)) s"
        pause 0.05
    done
}

is_database_up() {
    "$root/deploy/postgres" status "$private"
}

is_ready() {
    curl -fs -m 2 -o /dev/null "$readiness"
}

start_database() {
    [[ -n $private ]] || return 0
    "$root/deploy/postgres" stop "$private" # one that is left is not the supervisor's child
    say "starts Postgres"
    start_process postgres
    await is_database_up "answer from Postgres"
    "$root/deploy/postgres" start "$private" # makes the database in it
    use_private_database
}

start_servers() {
    local name
    for name in "${servers[@]}"; do
        start_process "$name"
    done
    await is_ready "ready gateway"
}

# ---- the end ----

await_end() {
    local begin now name alive
    now_ms begin
    while true; do
        alive=''
        for name in "$@"; do
            ! is_alive "$name" || alive=$name
        done
        [[ -n $alive ]] || return 0
        now_ms now
        ((now - begin < drain_ms)) || return 1
        pause 0.02
    done
}

# Ends processes together: by the signal, and by SIGKILL what does not heed it.
end_processes() {
    local signal=$1 name
    shift
    for name in "$@"; do
        signal_process "$signal" "$name"
    done
    if ! await_end "$@"; then
        for name in "$@"; do
            signal_process KILL "$name"
        done
        await_end "$@" || true
    fi
    for name in "$@"; do
        [[ -n ${process[$name]:-} ]] || continue
        bury "$name"
        ((end_status == 0)) || say "$epitaph"
    done
}

end_servers() {
    end_processes TERM gateway
    end_processes TERM "${services[@]}"
}

end_stack() {
    trap '' INT TERM HUP
    [[ ${#process[@]} == 0 ]] || say "ends"
    due_ms=()
    rm -f "$var/ready"
    end_servers
    # SIGINT is Postgres' fast shutdown; a cluster that is still being made hears only SIGTERM.
    if is_alive postgres && ! is_database_up; then
        signal_process TERM postgres
    fi
    end_processes INT postgres
    rm -f "$var/supervisor.pid" "$var"/processes/*
}

# ---- all together ----

# After a new build: the same database, new processes.
restart() {
    restart_wanted=''
    say "restarts"
    rm -f "$var/ready"
    end_servers
    due_ms=() failures=()
    "$root/deploy/migrate" || give_up "the migrations failed"
    start_servers
    "$1"
}

# Starts everything, calls $1 when it is ready, and runs until SIGINT, SIGTERM or SIGHUP. SIGUSR1 restarts the servers.
supervise() {
    restart_wanted='' end_wanted=''
    trap end_stack EXIT
    trap 'end_wanted=yes' INT TERM HUP
    trap 'restart_wanted=yes' USR1
    start_database
    "$root/deploy/migrate" || give_up "the migrations failed"
    start_servers
    "$1"
    while [[ -z $end_wanted ]]; do
        look_after_processes
        [[ -z $restart_wanted ]] || restart "$1"
        pause 0.1
    done
}

# shellcheck shell=bash
# What the tests in containers share: the engine, waiting, and failing with what is to be seen. Sourced, never run. Whoever
# sources it sets explain(), which shows the state of things.
# shellcheck disable=SC2034 # those who source it use it
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
has_compose_plugin=''
program=${0##*/}

say() {
    printf '%s: %s (%d s)\n' "$program" "$*" "$SECONDS"
}

fail() {
    say "failed: $*" >&2
    explain >&2 || true
    exit 1
}

# Docker Compose 1.29 is a program of its own. So README's `docker compose` works with either.
docker() {
    if [[ $1 == compose && -z $has_compose_plugin ]]; then
        command docker-compose "${@:2}"
    else
        command docker "$@"
    fi
}

find_engine() {
    has_compose_plugin=''
    command docker info >/dev/null 2>&1 || { say "there is no Docker engine (DOCKER_HOST)" >&2 && exit 69; }
    if command docker compose version >/dev/null 2>&1; then
        has_compose_plugin=yes
    else
        command -v docker-compose >/dev/null || { say "there is no Docker Compose" >&2 && exit 69; }
    fi
}

# await SECONDS WHAT COMMAND…
await() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        ((SECONDS < deadline)) || fail "$what: not in time"
        sleep 0.3
    done
}

# Below the ports that the kernel gives to clients.
choose_port() {
    local try port
    for ((try = 0; try < 50; try++)); do
        port=$((15000 + RANDOM % 5000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            printf '%s' "$port"
            return 0
        fi
    done
    return 1
}

# shellcheck shell=bash
# What the scripts of this folder share: the services, messages, running as another user, and where the database is. Sourced, never run.

# shellcheck disable=SC2034 # the scripts use it
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${0##*/}
mapfile -t services < <(sed -n 's/^SERVICE(\([a-z]*\),.*/\1/p' "$root/proto/services.def")

say() {
    printf '%s: %s\n' "$program" "$*" >&2
}

die() {
    say "$*"
    exit 1
}

# Percent-encodes $1 for a URI, byte by byte.
uri_encode() {
    local LC_ALL=C text=$1 out='' i char
    for ((i = 0; i < ${#text}; i++)); do
        char=${text:i:1}
        case $char in
        [a-zA-Z0-9._~-]) out+=$char ;;
        *) out+=$(printf '%%%02X' "'$char") ;;
        esac
    done
    printf '%s' "$out"
}

# A setting as the processes take it: the variable $1, or the content of the file that $1_FILE names.
setting() {
    local file=$1_FILE
    if [[ -n ${!1:-} ]]; then
        printf '%s' "${!1}"
    elif [[ -n ${!file:-} ]]; then
        cat "${!file}"
    fi
}

# The database the environment names: DATABASE_URL, or the DB_* family; nothing if it names none.
database_url_of_environment() {
    local url host password
    url=$(setting DATABASE_URL)
    host=$(setting DB_HOST)
    if [[ -z $url && -n $host ]]; then
        password=$(setting DB_PASSWORD)
        url=postgresql://$(uri_encode "${DB_USER:-backend}")${password:+:$(uri_encode "$password")}@
        url+="/$(uri_encode "${DB_NAME:-backend}")?host=$(uri_encode "$host")&port=${DB_PORT:-5432}"
    fi
    printf '%s' "$url"
}

# Where Postgres' own programs are: of version $1, or of the newest that is installed. Debian's /usr/bin wrappers are slow.
postgres_programs() {
    local folder
    # shellcheck disable=SC2086 # a pattern
    folder=$(printf '%s\n' /usr/lib/postgresql/${1:-[1-9]*}/bin | sort -V | tail -n 1)
    [[ -x $folder/psql ]] || die "Postgres${1:+ $1} is not installed: run deploy/packages"
    printf '%s' "$folder"
}

# Makes $1 a folder of mode 0700 for sockets, the longest of which is named $2, and prints its path; $3… runs a program as
# the folder's owner. A path too long for a socket, or with a comma, which clients take for two, is replaced by a short one
# under /tmp, and $1 is a link to it.
socket_folder() {
    local link=$1 longest=$2 folder
    shift 2
    folder=$(readlink -f "$link" || true)
    if [[ ! -d $folder ]] || ! "$@" test -O "$folder"; then
        "$@" rm -f "$link"
        folder=$link
        # 107: the bytes the system has for a socket's path
        if [[ $folder != *,* ]] && (($(printf '%s/%s' "$folder" "$longest" | wc -c) <= 107)); then
            "$@" mkdir "$folder"
        else
            folder=$("$@" mktemp -d /tmp/backend-XXXXXX)
            "$@" ln -s "$folder" "$link"
        fi
        "$@" chmod 0700 "$folder"
    fi
    printf '%s' "$folder"
}

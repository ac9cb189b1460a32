# shellcheck shell=bash
# What the scripts of this folder share: messages, running as another user, and where the database is. Sourced, never run.

# shellcheck disable=SC2034 # the scripts use it
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${0##*/}

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

uri_decode() {
    local text=${1//\\/\\\\}
    printf '%b' "${text//%/\\x}"
}

# The database the environment names: DATABASE_URL, or the DB_* family; nothing if it names none.
database_url_of_environment() {
    if [[ -n ${DATABASE_URL:-} ]]; then
        printf '%s' "$DATABASE_URL"
    elif [[ -n ${DB_HOST:-} ]]; then
        local secret=''
        [[ -z ${DB_PASSWORD:-} ]] || secret=:$(uri_encode "$DB_PASSWORD")
        printf 'postgresql://%s%s@/%s?host=%s&port=%s' "$(uri_encode "${DB_USER:-backend}")" "$secret" \
            "$(uri_encode "${DB_NAME:-backend}")" "$(uri_encode "$DB_HOST")" "${DB_PORT:-5432}"
    fi
}

# Where Postgres' own programs are: of version $1, or of the newest that is installed. Debian's /usr/bin wrappers are slow.
postgres_programs() {
    local folder
    # shellcheck disable=SC2086 # a pattern
    folder=$(printf '%s\n' /usr/lib/postgresql/${1:-[1-9]*}/bin | sort -V | tail -n 1)
    [[ -x $folder/psql ]] || die "Postgres${1:+ $1} is not installed: run deploy/packages"
    printf '%s' "$folder"
}

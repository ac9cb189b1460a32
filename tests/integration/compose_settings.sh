#!/usr/bin/env bash
# docker-compose.yml gives each process what it can be set by: every setting that a program tells of stands among those of its
# service, so that what is in .env arrives.
#
# usage: compose_settings.sh BINARIES
set -euo pipefail
binaries=${1:?usage: compose_settings.sh BINARIES}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
mapfile -t services < <(sed -n 's/^SERVICE(\([a-z]*\),.*/\1/p' "$root/proto/services.def")
# What is the containers' own affair: where sockets, ports and templates are, which database, and as whom.
own='^(BACKEND_HOST|BUS_DIR|DATABASE_URL|DB_NAME|DB_PORT|MAIL_TEMPLATES|PORT|SHARE_PORT|[A-Z]+_DATABASE_(ROLE|URL))$'

# The settings of service $1 in docker-compose.yml: its own lines, and those of what it takes over (<<).
given() {
    awk -v service="$1" '
        /^[^ #]/ { part = $1; anchor = $2; sub(/:$/, "", part); sub(/^&/, "", anchor) }
        part == "services" && /^  [a-z]+:/ { name = $1; sub(/:$/, "", name) }
        part == "services" && name != service { next }
        /<<:/ { line = $0; gsub(/.*<<:|[][*, ]+/, " ", line); wants[part == "services" ? "" : anchor] = wants[part == "services" ? "" : anchor] line }
        match($0, /^ +[A-Z][A-Z0-9_]*:/) { setting = $1; sub(/:$/, "", setting); lines[part == "services" ? "" : anchor] = lines[part == "services" ? "" : anchor] setting "\n" }
        function show(key,  names, n, i) {
            printf "%s", lines[key]
            n = split(wants[key], names, " ")
            for (i = 1; i <= n; i++) show(names[i])
        }
        END { show("") }' "$root/docker-compose.yml" | sed 's/_FILE$//' | sort -u
}

failed=0
for program in "${services[@]}" gateway; do
    told=$("$binaries/$program" --help | sed -n 's/^  \([A-Z][A-Z0-9_]*\) .*/\1/p' | grep -vE "$own" | sort -u)
    [[ $(wc -l <<<"$told") -gt 10 ]] || { echo "$program tells of no settings" >&2 && exit 1; }
    missing=$(comm -23 <(echo "$told") <(given "$program"))
    [[ -z $missing ]] || { echo "docker-compose.yml does not give $program: ${missing//$'\n'/ }" >&2 && failed=1; }
done
((failed == 0)) && echo "1 passed, 0 failed"

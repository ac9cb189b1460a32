#!/usr/bin/env bash
# What deploy/install puts on a host: systemd finds no mistake in the units, and judges that an attacker who takes a process over
# gets little (exposure, of 10). tests/containers/systemd runs them.
#
# usage: units.sh BUILD
set -euo pipefail
build=${1:?usage: units.sh BUILD}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
exposure_max_tenths=20
host=$(mktemp -d /tmp/units-XXXXXX)
trap 'rm -rf "$host"' EXIT
mapfile -t services < <(sed -n 's/^SERVICE(\([a-z]*\),.*/backend@\1.service/p' "$root/proto/services.def")
processes=("${services[@]}" backend-gateway.service backend-migrate.service)

DESTDIR=$host cmake --install "$build" --prefix /usr/local >/dev/null
systemd-analyze security --root "$host" --offline true --threshold "$exposure_max_tenths" --no-pager "${processes[@]}" >"$host/security" ||
    { cat "$host/security" >&2 && exit 1; }
grep 'Overall exposure' "$host/security"
# The check is of the machine itself, so the programs are where they would be.
find "$host/usr/local/lib/systemd" -type f -exec sed -i "s|/usr/local|$host&|g" {} +
said=$(SYSTEMD_UNIT_PATH=$host/usr/local/lib/systemd/system: systemd-analyze verify --man no "${processes[@]}" backend.target 2>&1) || true
said=$(grep -F "$host" <<<"$said" || true) # not of the machine's own units
[[ -z $said ]] || { printf '%s\n' "$said" >&2 && exit 1; }
for service in "${services[@]}"; do
    grep -q "$service" "$host/usr/local/lib/systemd/system/backend.target" || { echo "backend.target does not start $service" >&2 && exit 1; }
done
echo "1 passed, 0 failed"

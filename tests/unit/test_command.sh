#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The vmseg command, asking a daemon whose answers are prepared here: what it prints.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

BUILD=$(realpath "${BUILD:-build}")
work=$(mktemp -d)
export VMSEG_SOCKET=$work/socket
echo '{}' >"$work/answers"
tests/harness/answers.py "$VMSEG_SOCKET" "$work/answers" &
server=$!
trap 'kill "$server"; rm -rf "$work"' EXIT
check_soon 20 "there is a daemon to ask" [ -S "$VMSEG_SOCKET" ]

# said ANSWERS ARGUMENT...: what vmseg prints when the daemon has these answers. A command that does
# not end is ended.
said() {
	echo "$1" >"$work/answers"
	shift
	timeout 60 "$BUILD/vmseg" "$@" 2>&1 | sed 's/ *$//'
}

# session VLAN STANDING RULE
session() {
	printf '{"device": "vnet0", "protocol": "tcp", "local": "10.0.0.1", "local_port": 80,
		"remote": "fd00::1", "remote_port": 4000, "opened": "in", "picked_up": true,
		"state": "established", "age": 100, "expires": 86000, "in": {"bytes": 5000},
		"out": {"bytes": 3}, "vlan": %s, "inner_vlan": 0, "standing": "%s", "rule": %s}' "$@"
}

list='{"list": {"domains": [
	{"name": "web", "state": "enforce", "port_count": 2, "sessions": 12, "policies": ["a", "b"],
	 "groups": [], "error": null, "unfiltered": ["hostdev0"]},
	{"name": "größe", "state": "stale", "port_count": 0, "sessions": 0, "policies": [],
	 "groups": ["g"], "error": "no policy is named \"größe\"", "unfiltered": []}]}}'
for locale in C C.UTF-8; do
	LC_ALL=$locale check_equal "texts that are not ASCII in a table, locale $locale" \
		'NAME  STATE   PORTS UNFILTERED SESSIONS POLICIES GROUPS ERROR
web   enforce     2          1       12 a, b     -
größe stale       0          0        0 -        g      no policy is named "größe"' \
		"$(said "$list" list)"
done

heading='DEVICE PROTO LOCAL       REMOTE         OPENED STATE         AGE EXPIRES   IN OUT RULE'
line='vnet0  tcp   10.0.0.1:80 [fd00::1]:4000 in?    established 1m40s  23h53m 4.9K  3B'
check_equal "sessions without a VLAN have no column for it" "$heading"$'\n'"$line http" \
	"$(said "{\"sessions\": {\"sessions\": [$(session 0 allowed '"http"')]}}" sessions web)"
check_equal "sessions in a VLAN have one" \
	"$heading   VLAN"$'\n'"$line (kept) 100"$'\n'"$line http" \
	"$(said "{\"sessions\": {\"sessions\": [$(session 100 kept null), $(session 0 allowed '"http"')]}}" \
		sessions web)"
check_equal "no rows, no heading" "" "$(said '{"list": {"domains": []}}' list)"

done_testing

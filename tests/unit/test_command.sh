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

# ---- the command line ----------------------------------------------------------------------

# complaint ARGUMENT...: the exit status and what is on standard error.
complaint() {
	local status=0
	{ "$BUILD/vmseg" "$@" >/dev/null; } 2>&1 || status=$?
	echo "$status"
}

# check_complaint DESCRIPTION MESSAGE ARGUMENT...: wrong usage, in one line.
check_complaint() {
	local description=$1 message=$2
	shift 2
	check_equal "$description" "vmseg: $message"$'\n'2 "$(complaint "$@")"
}

check_complaint "an unknown option" 'sessions: unknown option --rules (see "vmseg sessions --help")' \
	sessions --rules web
check_complaint "... before the command" 'list: unknown option --rules (see "vmseg list --help")' --rules list
check_complaint "... with one dash" 'list: unknown option -x (see "vmseg list --help")' list -x
check_complaint "an ambiguous beginning" 'policy apply: unknown option --conf (see "vmseg policy apply --help")' \
	policy apply --conf 5 a.xml
check_complaint "no value" 'sessions: --limit: expected N after it (see "vmseg sessions --help")' sessions web --limit
check_complaint "a value that is none" \
	'sessions: --limit: expected a number from 1 to 100000, not "5x" (see "vmseg sessions --help")' \
	sessions --limit=5x web
check_complaint "a value too much" 'show: --rules: expected no value (see "vmseg show --help")' show --rules=1 web
check_complaint "a missing argument" 'policy show: expected NAME (see "vmseg policy show --help")' policy show
check_complaint "an argument too much" 'list: unexpected argument "web" (see "vmseg list --help")' list web
check_complaint "an option that must be there" 'port attach: expected --mac MAC (see "vmseg port attach --help")' \
	port attach tap0 --policy allow-out
check_complaint "text that is not UTF-8" 'show: DOMAIN is not UTF-8 (see "vmseg show --help")' show $'\xff'
check_complaint "detach: neither" 'detach: expected either DOMAIN or --all (see "vmseg detach --help")' detach
check_complaint "detach: both" 'detach: expected either DOMAIN or --all (see "vmseg detach --help")' detach web --all
check_complaint "an unknown command" 'unknown command "lst" (see "vmseg --help")' lst
check_complaint "an unknown second word" 'unknown command "policy lst" (see "vmseg --help")' policy lst
check_contains "policy alone: its commands are listed" "policy check FILE..." "$(complaint policy)"
check_equal "policy --help lists them, too" 8 "$("$BUILD/vmseg" policy --help | grep -c '^  policy ')"
check_equal "help show is show --help" "$("$BUILD/vmseg" show --help)" "$("$BUILD/vmseg" help show)"
check_equal "a policy that is not UTF-8 is an error" 1 \
	"$(printf '\xff' | "$BUILD/vmseg" policy diff - 2>/dev/null; echo $?)"

# What is asked: options in any place, abbreviated, after --.
one='{"sessions": {"sessions": [], "next": null}}'
for line in 'sessions web --limit 5' '--limit 5 sessions web' 'sessions --lim=5 -- web'; do
	read -ra words <<<"$line"
	check_equal "accepted: vmseg $line" "" "$(said "$one" "${words[@]}")"
done
check_equal "accepted: vmseg --json sessions web" false "$(said "$one" --json sessions web | jq .truncated)"

# Before the command is known, an option must be the same for all as to its value.
check_equal "options of one name all have a value, or none" "" "$(
	for command in show sessions explain 'policy diff' 'policy apply' detach 'port attach'; do
		# shellcheck disable=SC2086
		"$BUILD/vmseg" $command --help
	done | sed -n 's/^  \(--[a-z]*\)\( [^ ].*\| *[^ ].*\)/\1 \2/p' |
		awk '{ print $1, $2 ~ /^[A-Z.\[\]]+$/ }' | sort -u | cut -d " " -f 1 | uniq -d)"

done_testing

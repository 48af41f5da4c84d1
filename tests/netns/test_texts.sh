#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names and texts from outside: what is long is cut at a character, what drives a terminal is shown
# and not obeyed, and what would take minutes to read is refused.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq curl python3

METRICS=$LAB_RUN/metrics
POLICY=$(managed 11 "<vmseg:policy ref='web-server'/>")

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	write_good_policy
}

# repeat TEXT COUNT
repeat() {
	python3 -c 'import sys; sys.stdout.write(sys.argv[1] * int(sys.argv[2]))' "$1" "$2"
}

# Wherever in a character the message ends, the domain is listed with it.
check_cut() {
	local padding metadata
	for padding in a ab; do
		metadata="<x:$padding$(repeat é 600) xmlns:x='urn:vmseg:2'/>"
		describe web 11 "$metadata" vnet0 | hook web reconnect begin -
		check_equal "a long error ($padding) hides no domain" closed "$(domain web .state)"
		check_contains "... is told" "<${padding}éé" "$(domain web .error)"
		check_equal "... by status, for the domain and its device" '["é","é"]' \
			"$(vmseg status --json |
				jq -c '[.problems[] | select(.domain == "web").error[-1:]]')"
		check_contains "... and by show" "<${padding}éé" "$(vmseg show web)"
		stop web 11
	done
}

# A name with U+009B (control sequence introducer), U+202E (right-to-left) and a tab.
check_escaped() {
	local name=$'a\u009b31m\u202eb\tc' shown='a\xc2\x9b31m\xe2\x80\xaeb\x09c' output
	describe "$name" 11 "$POLICY" vnet0 | hook "$name" start begin -
	check_equal "JSON has a name as it is" "$name" \
		"$(vmseg list --json | jq -r '.domains[].name')"
	check_contains "the list shows it" "$shown" "$(vmseg list)"
	check_contains "... and does not obey it" "0" \
		"$(vmseg list | grep -c $'\u009b' || true)"
	check_contains "show, too" "$shown" "$(vmseg show "$name")"
	check_contains "... the log" "$shown: started" "$(cat "$LAB/hostd.log")"
	output=$(curl -s --unix-socket "$METRICS" http://localhost/metrics)
	check_contains "... the metrics" \
		'domain="a\\xc2\\x9b31m\\xe2\\x80\\xaeb\\x09c"' "$output"
	output=$(describe "$name" 11 "$(managed 11 "<vmseg:policy ref='gone'/>")" vnet0 |
		hook "$name" prepare begin - 2>&1) || true
	check_contains "... and a refusal" "vmseg refuses domain $shown:" "$output"
	stop "$name" 11
}

takes_many() {
	describe web 11 "<o:o xmlns:o='urn:o'>$(repeat '<o:p q="1"/>' 100000)</o:o>$POLICY" vnet0 |
		hook web prepare begin -
}

attributes() {
	python3 -c 'print(" ".join("a%d=\"\"" % i for i in range(50000)))'
}

# The parser would compare each attribute with each other.
check_limits() {
	local expected="too many attributes of one element" output
	attributes >"$LAB/attributes"
	printf '<policy xmlns="urn:vmseg:1" name="p" %s/>' "$(cat "$LAB/attributes")" \
		>/etc/vmseg/policies/p.xml
	check_contains "a policy with 50,000 attributes is bad" "p.xml:1: there are $expected" \
		"$(vmseg policy check /etc/vmseg/policies/p.xml 2>&1 || true)"
	check_contains "... also for a reload" "p.xml:1: there are $expected" \
		"$(vmseg reload 2>&1 || true)"
	check_contains "... and in a question" "$expected" \
		"$(vmseg explain --policy /etc/vmseg/policies/p.xml web in tcp 192.0.2.9 :80 2>&1 || true)"
	rm /etc/vmseg/policies/p.xml
	output=$(describe web 11 "<o:o xmlns:o='urn:o' $(cat "$LAB/attributes")/>$POLICY" vnet0 |
		hook web prepare begin - 2>&1) || true
	check_contains "a domain with them is refused" "domain XML:3: there are $expected" "$output"
	check "one with many elements of somebody else's is not" takes_many
}

set_up
start_hostd 'libvirt-uri = none' "metrics-listen = $METRICS"
check_cut
check_escaped
describe web 11 "$POLICY" vnet0 | hook web start begin -
check_limits
done_testing

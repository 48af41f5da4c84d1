#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A VM is saved to a file and restored: it starts like any other, but what it holds open goes on.

set -euo pipefail
. "$(dirname "$0")/common.sh"

# check_goes_on DESCRIPTION: every connection of client to web is answered, on and on.
check_goes_on() {
	local before
	before=$(hold_now client 7000 echoes)
	check_soon 60 "$1" echoes_beyond client 7000 $((before + 30))
	check_soon 30 "not one is lost" holds client 7000 alive 4
}

picked_up() {
	vmseg sessions web --json |
		jq '[.sessions[] | select(.local_port == 7000 and .picked_up)] | length'
}

check_restored() {
	virsh --quiet save web "$LAB/web.saved" >/dev/null
	check_equal "a saved domain has no port" "" "$(vmseg list --json |
		jq -r '.domains[] | select(.name == "web").name')"
	check "it is restored" virsh --quiet restore "$LAB/web.saved"
	check_goes_on "its connections go on"
	check_equal "as sessions that were picked up" 4 "$(picked_up)"
	check "it is filtered" is_silent client tcp "$(vm_ip4 $WEB)" 22
}

check_refused() {
	virsh --quiet save web "$LAB/web.saved" >/dev/null
	rm /etc/vmseg/policies/web-server.xml
	vmseg reload >/dev/null 2>&1 || true
	check_contains "without its policy it is not restored" web-server \
		"$(virsh --quiet restore "$LAB/web.saved" 2>&1)"
}

enter_lab "$@"
set_up
start_three
start_hold client "$(vm_ip4 $WEB)" 7000 4
check_soon 30 "client holds 4 connections" holds client 7000 alive 4
check_restored
check_refused
done_testing

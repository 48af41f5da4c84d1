#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon dies, is upgraded, comes back: filtering goes on and no session is lost.

set -euo pipefail
. "$(dirname "$0")/common.sh"

# check_goes_on WHEN: client's connections to web are answered, all of them, on and on.
check_goes_on() {
	local before
	before=$(hold_now client 7000 echoes)
	check_soon 30 "$1 the connections go on" echoes_beyond client 7000 $((before + 30))
	check_soon 30 "$1 none is lost" holds client 7000 alive 4
}

check_enforced() {
	check "$1 what was denied is denied" is_silent client tcp "$(vm_ip4 $WEB)" 22
	check "$1 what was allowed is allowed" answers client tcp "$(vm_ip6 $WEB)" 7000
}

identity() {
	show_port "$1" '[.slot, .generation, .link_id.in, .link_id.out, .session_map_id,
		.ifindex] | join(" ")'
}

# The sessions of the connections under test, by the port of the other side, oldest figures first.
packets_by_session() {
	vmseg sessions web --json | jq -c '[.sessions[] | select(.local_port == 7000 and
		.protocol == "tcp" and .state == "tcp-established") |
		{key: (.remote_port | tostring), value: (.in.packets + .out.packets)}] | from_entries'
}

# check_counters_grew WHEN BEFORE: each session of then is there, with more packets.
check_counters_grew() {
	check_equal "$1 every session is there with more packets than before" true \
		"$(jq -n --argjson before "$2" --argjson after "$(packets_by_session)" \
			'($before | length) == 4 and ($before | to_entries | all(.value < $after[.key]))')"
}

check_killed() {
	local before sessions
	before=$(identity web)
	sessions=$(packets_by_session)
	stop_hostd KILL
	check_goes_on "while the daemon is dead"
	check_enforced "while the daemon is dead"
	start_hostd
	check_equal "the new daemon takes over" true \
		"$(vmseg status --json | jq .datapath.adopted)"
	check_equal "it finds web's port as it was" "$before" "$(identity web)"
	check_counters_grew "after that" "$sessions"
	check_goes_on "with the new daemon"
	check_enforced "with the new daemon"
}

check_stopped() {
	local before status=0
	before=$(identity web)
	kill -TERM "$hostd_pid"
	wait "$hostd_pid" || status=$?
	check_equal "asked to end, the daemon ends with 0" 0 "$status"
	check_goes_on "after that"
	start_hostd
	check_equal "the next one finds web's port as it was" "$before" "$(identity web)"
}

# The new daemon must not only have found the ports, it must own them.
check_owned() {
	set_metadata web "$(metadata $WEB '<policy ref="web-only"/>')"
	check_soon 30 "a change after all that cuts what it forbids" holds client 7000 waiting 4
	destroy_vm client
	check_soon 30 "a domain that ends is forgotten" client_is_forgotten
}

client_is_forgotten() {
	vmseg list --json | jq -e 'all(.domains[]; .name != "client")'
}

enter_lab "$@"
set_up
start_three
start_hold client "$(vm_ip4 $WEB)" 7000 4
check_soon 30 "client holds 4 connections" holds client 7000 alive 4
check_killed
check_stopped
restart_libvirtd
check_goes_on "after a restart of libvirtd"
check_owned
done_testing

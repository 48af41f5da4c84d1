#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A VM that runs already begins to be filtered, in every way that there is: what it has open goes on,
# as far as policy allows it.

set -euo pipefail
. "$(dirname "$0")/common.sh"

HOST=$VM_NET4.1

# Connections to web that its policy allows and denies, and one that it has opened itself.
open_connections() {
	start_hold client "$(vm_ip4 $WEB)" 7000 4
	start_hold client "$(vm_ip4 $WEB)" 22 2
	start_hold web "$HOST" 443 2
	check_soon 30 "$1: before, connections are open" holds client 7000 alive 4
	check_soon 30 "... also where policy will deny it" holds client 22 alive 2
	check_soon 30 "... and from the VM" holds web 443 alive 2
}

end_connections() {
	in_vm client 'killall hold'
	in_vm web 'killall hold'
}

is_filtered() {
	[ "$(show_port web '.hooked.in and .hooked.out')" = true ]
}

is_left_alone() {
	[ "$(vmseg list --json | jq -r '.domains[] | select(.name == "web").state')" = unmanaged ]
}

# Connections that were taken over: who has opened them, and the port of the service.
taken_over() {
	vmseg sessions web --json | jq -c '[.sessions[] | select(.picked_up and .state == "tcp-established") |
		[.opened, if .opened == "in" then .local_port else .remote_port end]] |
		group_by(.) | map(.[0] + [length])'
}

# check_takeover DESCRIPTION COMMAND...: the command begins to filter.
check_takeover() {
	local description=$1 echoes
	shift
	open_connections "$description"
	echoes=$(hold_now client 7000 echoes)
	check "$description" "$@"
	check_soon 30 "... filters" is_filtered
	check_soon 60 "... and what policy allows goes on" echoes_beyond client 7000 $((echoes + 40))
	echoes=$(hold_now web 443 echoes)
	check_soon 60 "... in both directions" echoes_beyond web 443 $((echoes + 20))
	check_equal "... none is lost" "4 2" "$(hold_now client 7000 alive) $(hold_now web 443 alive)"
	check_soon 30 "... and what it denies does not" holds client 22 waiting 2
	check_equal "... each is known as what it was" '[["in",7000,4],["out",443,2]]' "$(taken_over)"
	end_connections
}

remove_metadata() {
	virsh --quiet metadata web --uri urn:vmseg:1 --key vmseg --live --remove
	check_soon 30 "without metadata it is left alone" is_left_alone
}

give_metadata() {
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
}

manage_all() {
	echo 'unmanaged = web-server' >>/etc/vmseg/hostd.conf
	vmseg reload >/dev/null
}

enter_lab "$@"
set_up
"$TOOLS/echo_server" 443 &
create_vm web $WEB ""
create_vm client $CLIENT "$(metadata $CLIENT '<policy ref="desktop"/>')"
in_vm web 'echo_server 22 7000 >/dev/null 2>&1 &'
check_takeover "the first metadata of a running VM" give_metadata
remove_metadata
check_takeover "metadata again" give_metadata
vmseg detach web
check_takeover "vmseg attach after detach" vmseg attach web
remove_metadata
check_takeover "a reload that makes it managed" manage_all
done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whatever happens, in whatever order: domains start and stop, NICs come and go, metadata and policies
# change, the guest is suspended, the daemon and libvirtd are killed, at random for CHAOS_SECONDS.
# All that time frames are sent that are forbidden: none must arrive. When it is over there is
# what should be there, and no more.
#
# The events follow from CHAOS_SEED, which is printed with them: the same seed, the same events.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/probe.sh"

CHAOS_SECONDS=${CHAOS_SECONDS:-45}
CHAOS_SEED=${CHAOS_SEED:-${VMSEG_TEST_SEED:-1}}

NIC=52:54:00:77:01:01
POLICIES=(web-server web-only)
# Domains that come and go, by number; web stays.
EXTRAS=(41 42 43)
# A daemon that has seen all this may have so much more than one that has just begun: less than if
# it lost a little with each event of a kind.
MEMORY_SLACK_KIB=8192 DESCRIPTORS_SLACK=4

# pick WORD...: one of them, into $picked. Not on standard output: a subshell would have its own
# random numbers.
pick() {
	local words=("$@")
	picked=${words[RANDOM % ${#words[@]}]}
}

# Session maps that there have been; each must be gone when its port is.
note_maps() {
	vmseg list --json | jq -r '.domains[].name' | while read -r name; do
		vmseg show "$name" --json | jq -r '.ports[] | "map \(.session_map_id // empty)"'
	done >>"$LAB/maps"
}

# ---- events ----------------------------------------------------------------------------------

running() {
	virsh --quiet list --all --name | grep -qx "$1"
}

toggle_domain() {
	pick "${EXTRAS[@]}"
	if running "extra$picked"; then
		destroy_vm "extra$picked"
	else
		local number=$picked
		pick "${POLICIES[@]}"
		create_paused "extra$number" "$number" \
			"$(metadata "$number" "<policy ref=\"$picked\"/><group name=\"extras\"/>")"
	fi
	note_maps
}

toggle_nic() {
	local action=attach-device
	if virsh --quiet domiflist web | grep -q $NIC; then
		action=detach-device
	fi
	virsh --quiet $action web "$LAB/nic.xml" --live
	note_maps
}

change_metadata() {
	pick "${POLICIES[@]}"
	set_metadata web "$(metadata $WEB "<policy ref=\"$picked\"/>")"
}

change_policy() {
	pick 7001 7002 7003
	sed "s/port=\"80\"/port=\"$picked\"/" "$TOP/tests/harness/policies/web-only.xml" \
		>/etc/vmseg/policies/web-only.xml
	vmseg reload
}

# Whose policy is bad keeps what it has.
break_policy() {
	echo '<policy xmlns="urn:vmseg:1" name="web-only"><rule/></policy>' \
		>/etc/vmseg/policies/web-only.xml
	! vmseg reload || return 1
	install_policies
	vmseg reload
}

suspend_web() {
	virsh --quiet suspend web
	virsh --quiet resume web
}

# What ends meanwhile the next daemon clears away; what would start is refused.
lose_daemon() {
	pick KILL TERM
	stop_hostd "$picked"
	pick "${EXTRAS[@]}"
	if running "extra$picked"; then
		destroy_vm "extra$picked"
	else
		! create_paused "extra$picked" "$picked" \
			"$(metadata "$picked" '<policy ref="web-only"/>')" || return 1
	fi
	start_hostd
}

lose_libvirtd() {
	pick KILL TERM
	kill "-$picked" "$libvirtd_pid"
	wait "$libvirtd_pid" || true
	start_libvirtd
}

EVENTS=(toggle_domain toggle_domain toggle_domain toggle_nic toggle_nic change_metadata change_metadata
	change_policy break_policy suspend_web lose_daemon lose_libvirtd)

run_chaos() {
	local end=$((SECONDS + CHAOS_SECONDS)) count=0 event
	RANDOM=$CHAOS_SEED
	printf '# seed %s\n' "$CHAOS_SEED"
	while ((SECONDS < end)); do
		pick "${EVENTS[@]}"
		event=$picked
		count=$((count + 1))
		printf '# %d %s\n' "$count" "$event"
		"$event" >"$LAB/event" 2>&1 ||
			report 1 "event $count, $event, does what it should" "$(<"$LAB/event")"
	done
	check "there were events: $count with seed $CHAOS_SEED" [ "$count" -gt 0 ]
}

# ---- what must hold afterwards -----------------------------------------------------------------

# "web 52:54:00:77:00:0a" for each NIC that libvirt knows.
nics_of_libvirt() {
	local name
	for name in $(virsh --quiet list --all --name); do
		virsh --quiet domiflist "$name" | awk -v name="$name" 'NF { print name, $5 }'
	done | sort
}

# The same for each that is filtered both ways, by policy.
nics_of_vmseg() {
	local name
	for name in $(vmseg list --json | jq -r '.domains[].name'); do
		vmseg show "$name" --json | jq -r --arg name "$name" '.ports[] |
			select(.hooked.in and .hooked.out and (.closed | not)) | "\($name) \(.mac)"'
	done | sort
}

nothing_is_left_open() {
	diff <(nics_of_libvirt) <(nics_of_vmseg) &&
		[ "$(vmseg status --json | jq '.unclaimed | length')" -eq 0 ]
}

links_pinned() {
	list_pins | grep -c links/ || true
}

links_are() {
	[ "$(links_pinned)" -eq "$1" ]
}

# Ports, images, nodes and rule counters in use.
datapath_use() {
	vmseg status --json |
		jq -c '.datapath | [.ports.used, .images, .policy_nodes.used, .rule_counters.used]'
}

# uses_no_more_than USE: each of them.
uses_no_more_than() {
	jq -en "[$1, $(datapath_use)] | transpose | all(.[1] <= .[0])"
}

end_extras() {
	local number
	for number in "${EXTRAS[@]}"; do
		! running "extra$number" || destroy_vm "extra$number"
	done
	! virsh --quiet domiflist web | grep -q $NIC ||
		virsh --quiet detach-device web "$LAB/nic.xml" --live
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
}

descriptors() {
	find "/proc/$hostd_pid/fd" -mindepth 1 | wc -l
}

memory_kib() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$hostd_pid/status"
}

maps_are_gone() {
	ids_are_gone "$(sort -u "$LAB/maps" | grep -vx "map $(show_port web .session_map_id)")"
}

check_invariants() {
	check_soon 60 "libvirt is heard" libvirt_connected
	check_soon 60 "every NIC of a domain is filtered, and no other" nothing_is_left_open
	check_soon 30 "two links are pinned for each" links_are $((2 * $(nics_of_libvirt | wc -l)))
	end_extras
	check_soon 60 "when all has ended but web, there are no more ports, images and counters than before" \
		uses_no_more_than "$1"
	check_soon 30 "no link is left" links_are 2
	check_soon 30 "nor a session map" maps_are_gone
	check_equal "every other pin is one of before" "$2" "$(list_pins | grep -v links/)"
}

# The daemon against one that has just begun, and has the same to do.
check_flat() {
	local before memory
	before=$(descriptors) memory=$(memory_kib)
	stop_hostd
	start_hostd
	check_soon 60 "a new daemon hears libvirt" libvirt_connected
	check_soon 30 "and has the same to do" nothing_is_left_open
	check "the one before it had not many more open: $before, now $(descriptors)" \
		[ "$before" -le $(($(descriptors) + DESCRIPTORS_SLACK)) ]
	check "nor much more memory: $memory KiB, now $(memory_kib)" \
		[ "$memory" -le $(($(memory_kib) + MEMORY_SLACK_KIB)) ]
}

enter_lab "$@"
set_up
interface_xml $NIC >"$LAB/nic.xml"
start_watch
VM_WORDS=watch create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
probe_into allowed $WEB "$PROBE_ALLOWED"
check_soon 60 "web sees what is allowed" guest_sees web allowed
check_soon 30 "libvirt is heard" libvirt_connected
use=$(datapath_use)
pins=$(list_pins | grep -v links/)
probe_into forbidden $WEB "$PROBE_FORBIDDEN"
probe_into nic-forbidden $WEB "$PROBE_FORBIDDEN" -t $NIC
probe_from web spoofed "$(vm_ip4 99)" "$VM_NET4.1"
run_chaos
check_invariants "$use" "$pins"
check_soon 60 "what is allowed arrives" await_probes allowed in 20
check_flat
check_none_passed "nothing forbidden has passed web's port" forbidden
check_equal "nor reached the guest" "0 0" \
	"$(guest_count web forbidden) $(guest_count web nic-forbidden)"
check_equal "nothing spoofed has come out" 0 "$(probe_count spoofed out)"
check "though it was tried" [ "$(probe_count spoofed tried)" -gt 0 ]
done_testing

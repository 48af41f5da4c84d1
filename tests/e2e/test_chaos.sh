#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whatever happens, in whatever order: domains start and stop, NICs come and go, metadata and policies
# change or are wrong, the guest is suspended, a device goes to another network namespace, state files
# are damaged, messages are forged, the daemon and libvirtd are killed: each once, then at random for
# the rest of CHAOS_SECONDS. All that time frames are sent that are forbidden: none must arrive. After
# each event every NIC of a managed domain must be filtered, closed, or named as a problem. When it is
# over there is what should be there, and no more.
#
# The events follow from CHAOS_SEED, which is printed with them: the same seed, the same events.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/probe.sh"
. "$(dirname "$0")/../harness/container.sh"

CHAOS_SECONDS=${CHAOS_SECONDS:-45}
CHAOS_SEED=${CHAOS_SEED:-${VMSEG_TEST_SEED:-1}}

NIC=52:54:00:77:01:01
POLICIES=(web-server web-only)
# Domains that come and go, by number; web stays.
EXTRAS=(41 42 43)
# A daemon that has seen all this may have so much more memory than one that has just begun: less than
# if it lost a little with each event of a kind. Of descriptors it may have no more.
MEMORY_SLACK_KIB=8192

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

# What has been asked for and cannot be had stays a problem, whatever is reloaded.
reload() {
	vmseg reload || error_has web ''
}

# error_has NAME TEXT: the domain has an error with this text.
error_has() {
	vmseg list --json | jq -e --arg name "$1" --arg text "$2" \
		'.domains[] | select(.name == $name).error // empty | contains($text)'
}

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
	reload
}

# Whose policy is bad keeps what it has.
break_policy() {
	echo '<policy xmlns="urn:vmseg:1" name="web-only"><rule/></policy>' \
		>/etc/vmseg/policies/web-only.xml
	! vmseg reload || return 1
	install_policies
	reload
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

# A slip in the metadata: nothing but metadata that is right takes it away.
spoil_metadata() {
	set_metadata web "$(metadata $WEB '<policy ref="no-such"/>')"
	wait_for 60 error_has web no-such
	! vmseg reload || return 1
	error_has web no-such
}

has_lookalike() {
	virsh --quiet metadata web --uri urn:vmseg:2 --live
}

drop_lookalike() {
	! has_lookalike || virsh --quiet metadata web --uri urn:vmseg:2 --live --remove
}

# The first problem of the metadata is the one that is said.
toggle_lookalike() {
	if has_lookalike; then
		drop_lookalike
	else
		virsh --quiet metadata web --uri urn:vmseg:2 --key v2 --live --set '<domain/>'
		wait_for 60 error_has web ''
	fi
}

container_runs() {
	"${LXC[@]}" list --name | grep -qx box
}

container_tap() {
	"${LXC[@]}" domiflist box | awk '/52:54:00:77:01:50/ { print $1 }'
}

# No libvirt-uri is of the LXC driver: nobody tells of what is plugged into a container.
plug_container() {
	local tap
	container_runs ||
		create_container box 50 "$(metadata 50 '<policy ref="web-server"/>')"
	"${LXC[@]}" attach-device box "$LAB/box-nic.xml" --live
	tap=$(container_tap)
	wait_for 30 is_unclaimed "$tap"
	note_maps
	pick leave release
	[ "$picked" = leave ] || vmseg port release "$tap"
	"${LXC[@]}" detach-device box "$LAB/box-nic.xml" --live
	pick keep end
	[ "$picked" = keep ] || end_container
}

end_container() {
	! container_runs || destroy_container box
}

is_unclaimed() {
	vmseg status --json | jq -e --arg device "$1" \
		'.unclaimed[] | select(.device == $device).reason | contains("box")'
}

# The device is not in the bridge while it is not filtered.
move_tap() {
	local tap
	tap=$(vm_tap web)
	ip link set "$tap" netns elsewhere
	wait_for 30 error_has web ''
	ip -netns elsewhere link set "$tap" netns 1
	wait_for 30 web_is_filtered "$tap"
	ip link set "$tap" master "$VM_BRIDGE" up
	# The bridge floods what is sent to web until it has heard web, and a tap that is new does not
	# filter from its first moment: it is its guest that sees nothing. So the bridge is told.
	bridge fdb replace "$(vm_mac $WEB)" dev "$tap" master static
}

# The same while no daemon runs.
move_tap_unseen() {
	local tap
	tap=$(vm_tap web)
	stop_hostd KILL
	ip link set "$tap" netns elsewhere
	start_hostd
	wait_for 60 error_has web ''
	ip -netns elsewhere link set "$tap" netns 1
	wait_for 60 web_is_filtered "$tap"
	ip link set "$tap" master "$VM_BRIDGE" up
	bridge fdb replace "$(vm_mac $WEB)" dev "$tap" master static
}

# A tap that is down may be opened unseen: it stays as it is while its domain has it.
bounce_tap() {
	local tap
	tap=$(vm_tap web)
	ip link set "$tap" down
	ip link set "$tap" up
	bridge fdb replace "$(vm_mac $WEB)" dev "$tap" master static
	wait_for 60 web_is_filtered "$tap"
}

web_is_filtered() {
	vmseg show web --json | jq -e --arg device "$1" \
		'.ports[] | select(.device == $device).hooked | .in and .out'
}

# What the daemon knew of a domain is lost: libvirt tells it again.
damage_state() {
	local uuids file
	mapfile -t uuids < <(vmseg list --json |
		jq -r '.domains[] | select(.driver == "qemu" and .port_count > 0).uuid')
	pick "${uuids[@]}"
	file=/run/vmseg/domains/$picked.json
	stop_hostd KILL
	pick 0 100
	truncate -s "$picked" "$file"
	start_hostd
	vmseg status --json | jq -e '.problems[] | select(.error | contains(".json.bad"))'
	wait_for 60 is_covered
	rm "$file.bad"
}

# Whoever may configure the network can send what looks like the kernel's word: web's device is gone.
forge_news() {
	python3 "$LAB/forge.py" "$(cat "/sys/class/net/$(vm_tap web)/ifindex")"
}

write_forger() {
	cat >"$LAB/forge.py" <<-'EOF'
		import socket, struct, sys
		NETLINK_ROUTE, RTM_DELLINK = 0, 17
		ports = [int(line.split()[2]) for line in open('/proc/net/netlink').readlines()[1:]
		         if line.split()[1] == str(NETLINK_ROUTE) and line.split()[2] != '0']
		link = struct.pack('=BBHiII', 0, 0, 1, int(sys.argv[1]), 0, 0)
		forged = struct.pack('=IHHII', 16 + len(link), RTM_DELLINK, 0, 0, 0) + link
		endless = struct.pack('=IHHII', 0xffffffff, RTM_DELLINK, 0, 0, 0) + link
		sender = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE)
		sender.bind((0, 0))
		for port in ports:
		    for message in forged, endless:
		        try:
		            sender.sendto(message, (port, 0))
		        except OSError:
		            pass
	EOF
}

# A second domain that names web's device.
start_twin() {
	twin_xml >"$LAB/twin.xml"
	! "$BUILD/vmseg-hook" twin start begin - <"$LAB/twin.xml" || return 1
	"$BUILD/vmseg-hook" twin stopped end - <"$LAB/twin.xml"
	"$BUILD/vmseg-hook" twin reconnect begin - <"$LAB/twin.xml"
	"$BUILD/vmseg-hook" twin stopped end - <"$LAB/twin.xml"
}

# A domain of another libvirt that has web's UUID, and a device of its own.
start_clone() {
	ip link add clone0 type veth peer name clone1
	clone_xml >"$LAB/clone.xml"
	"$BUILD/vmseg-hook" clone reconnect begin - <"$LAB/clone.xml"
	vmseg status --json | jq -e '.problems[] | select(.error | contains("running domain, clone of"))'
	pick end leave
	[ "$picked" = leave ] || "$BUILD/vmseg-hook" clone stopped end - <"$LAB/clone.xml"
	ip link del clone0
}

clone_xml() {
	domain_xml clone 61 "$(metadata 61 '<policy ref="desktop"/>')" |
		sed -e "s/<name>/<uuid>$(virsh --quiet domuuid web)<\/uuid>&/" \
			-e "s/<mac address='$(vm_mac 61)'\/>/&<target dev='clone0'\/>/"
}

twin_xml() {
	domain_xml twin 60 "$(metadata 60 '<policy ref="desktop"/>')" |
		sed -e 's/<name>/<uuid>00000000-0000-0000-0000-000000000060<\/uuid>&/' \
			-e "s/<mac address='$(vm_mac 60)'\/>/<mac address='$(vm_mac $WEB)'\/><target dev='$(vm_tap web)'\/>/"
}

EVENTS=(toggle_domain toggle_domain toggle_domain toggle_nic toggle_nic change_metadata change_metadata
	change_policy break_policy suspend_web lose_daemon lose_libvirtd spoil_metadata toggle_lookalike
	plug_container move_tap move_tap_unseen bounce_tap damage_state forge_news start_twin start_clone)

# "web 52:54:00:77:00:0a vnet0" for each NIC of a managed domain that libvirt knows.
nics_with_devices() {
	local name
	for name in $(virsh --quiet list --all --name); do
		virsh --quiet domiflist "$name" | awk -v name="$name" 'NF { print name, $5, $1 }'
	done
	for name in $("${LXC[@]}" list --name); do
		"${LXC[@]}" domiflist "$name" | awk -v name="$name" 'NF { print name, $5, $1 }'
	done
}

# Every NIC of a managed domain is filtered or closed by both programs, or named as a problem of a
# domain that is not said to be filtered.
is_covered() {
	local name mac device nics shown status
	nics=$(nics_with_devices)
	shown=$(for name in $(vmseg list --json | jq -r '.domains[].name'); do
		vmseg show "$name" --json | jq -r --arg name "$name" '.state as $state |
			.ports[] | select(.hooked.in and .hooked.out) | "\($name) \(.mac)"'
	done)
	status=$(vmseg status --json)
	while read -r name mac device; do
		grep -qx "$name $mac" <<<"$shown" && continue
		jq -e --arg device "$device" '.unclaimed[] | select(.device == $device)' \
			<<<"$status" && continue
		jq -e --arg name "$name" '.problems[] | select(.domain == $name)' <<<"$status" ||
			return 1
		[ "$(vmseg show "$name" --json | jq -r .state)" != enforce ] || return 1
	done <<<"$nics"
}

run_event() {
	printf '# %d %s\n' "$count" "$event"
	"$event" >"$LAB/event" 2>&1 ||
		report 1 "event $count, $event, does what it should" "$(<"$LAB/event")"
	wait_for 60 is_covered ||
		report 1 "after event $count, $event, every NIC is filtered, closed or a problem" \
			"$(nics_with_devices)"$'\n'"$(vmseg list)"$'\n'"$(vmseg status)"
	[ "$(probe_count forbidden in)" -le "$passed" ] ||
		report 1 "event $count, $event, lets nothing in that is forbidden" \
			"$(($(probe_count forbidden in) - passed)) frames"
	passed=$(probe_count forbidden in)
}

# Round by round, each event once in a round, in any order; one round at least.
run_chaos() {
	local end=$((SECONDS + CHAOS_SECONDS)) count=0 event passed=0 left=("${EVENTS[@]}") i
	RANDOM=$CHAOS_SEED
	printf '# seed %s\n' "$CHAOS_SEED"
	while ((SECONDS < end || count < ${#EVENTS[@]})); do
		((${#left[@]} > 0)) || left=("${EVENTS[@]}")
		i=$((RANDOM % ${#left[@]}))
		event=${left[i]}
		left=("${left[@]:0:i}" "${left[@]:i+1}")
		count=$((count + 1))
		run_event
	done
	check "there were events: $count with seed $CHAOS_SEED" [ "$count" -ge ${#EVENTS[@]} ]
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

# What is wrong is put right, and what libvirt does not tell of has ended.
calm_down() {
	end_container
	drop_lookalike
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
}

end_extras() {
	local number
	for number in "${EXTRAS[@]}"; do
		! running "extra$number" || destroy_vm "extra$number"
	done
	! virsh --quiet domiflist web | grep -q $NIC ||
		virsh --quiet detach-device web "$LAB/nic.xml" --live
}

descriptors() {
	find "/proc/$hostd_pid/fd" -mindepth 1 | wc -l
}

# Tables that are made in reserve, and not used, are given back after a minute.
descriptors_are() {
	[ "$(descriptors)" -le "$1" ]
}

memory_kib() {
	awk '/^VmRSS:/ { print $2 }' "/proc/$hostd_pid/status"
}

maps_are_gone() {
	ids_are_gone "$(sort -u "$LAB/maps" | grep -vx "map $(show_port web .session_map_id)")"
}

check_invariants() {
	check_soon 60 "libvirt is heard" libvirt_connected
	calm_down
	check_soon 60 "every NIC of a domain is filtered, and no other" nothing_is_left_open
	check_soon 30 "two links are pinned for each" links_are $((2 * $(nics_of_libvirt | wc -l)))
	end_extras
	check_soon 60 "when all has ended but web, there are no more ports, images and counters than before" \
		uses_no_more_than "$1"
	check_soon 30 "no link is left" links_are 2
	check_soon 30 "nor a session map" maps_are_gone
	check_equal "every other pin is one of before" "$2" "$(list_pins | grep -v links/)"
}

# check_flat DESCRIPTORS: the daemon against one that has just begun, and has the same to do.
check_flat() {
	local memory
	check_soon 120 "the daemon has no more descriptors than when all began: $1" descriptors_are "$1"
	memory=$(memory_kib)
	stop_hostd
	start_hostd
	check_soon 60 "a new daemon hears libvirt" libvirt_connected
	check_soon 30 "and has the same to do" nothing_is_left_open
	check "and no more descriptors: $(descriptors)" descriptors_are "$1"
	check "the one before it had not much more memory: $memory KiB, now $(memory_kib)" \
		[ "$memory" -le $(($(memory_kib) + MEMORY_SLACK_KIB)) ]
}

enter_lab "$@"
mount_cgroups
mkdir -p /etc/libvirt/hooks/lxc.d
install -m 755 "$BUILD/vmseg-hook" /etc/libvirt/hooks/lxc.d/vmseg
ip netns add elsewhere
set_up
write_forger
interface_xml $NIC >"$LAB/nic.xml"
cat >"$LAB/box-nic.xml" <<-EOF
	<interface type='bridge'>
	  <mac address='52:54:00:77:01:50'/><source bridge='$VM_BRIDGE'/>
	</interface>
EOF
start_watch
VM_WORDS=watch create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
probe_into allowed $WEB "$PROBE_ALLOWED"
check_soon 60 "web sees what is allowed" guest_sees web allowed
check_soon 30 "libvirt is heard" libvirt_connected
use=$(datapath_use)
open=$(descriptors)
pins=$(list_pins | grep -v links/)
probe_into forbidden $WEB "$PROBE_FORBIDDEN"
probe_into nic-forbidden $WEB "$PROBE_FORBIDDEN" -t $NIC
probe_from web spoofed "$(vm_ip4 99)" "$VM_NET4.1"
run_chaos
check_invariants "$use" "$pins"
check_soon 60 "what is allowed arrives" await_probes allowed in 20
check_flat "$open"
check_none_passed "nothing forbidden has passed web's port" forbidden
check_equal "nor reached the guest" "0 0" \
	"$(guest_count web forbidden) $(guest_count web nic-forbidden)"
check_equal "nothing spoofed has come out" 0 "$(probe_count spoofed out)"
check "though it was tried" [ "$(probe_count spoofed tried)" -gt 0 ]
done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices that libvirt does not manage: vmseg port attach and detach, and what becomes of them when
# devices, daemon and policies come and go. Network namespaces are the guests.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq

STATE=/var/lib/vmseg/ports

# attach NUMBER DEVICE [OPTION...]: with the MAC and address that belong to a guest's number.
attach() {
	local number=$1 device=$2
	shift 2
	vmseg port attach "$device" --mac "52:54:00:00:00:$number" --address "10.0.0.$number" "$@"
}

attach_web() {
	attach 11 c11 --policy web-server "$@"
}

state_is() {
	[ "$(domain "$1" .state)" = "$2" ]
}

identity() {
	show_port c11 '[.slot, .generation, .link_id.in, .session_map_id] | join(" ")'
}

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	add_guest web c11 11
	add_guest admin c12 12
	write_good_policy
	start_hostd 'libvirt-uri = none'
}

# refused DESCRIPTION PART COMMAND...: fails, and the error has the part.
refused() {
	local description=$1 part=$2 said status=0
	shift 2
	said=$("$@" 2>&1) || status=$?
	check_contains "$description" "$part" "status $status: $said"
	report $((status != 1)) "and refused: $description" "exit status $status"
}

check_refusals() {
	ip tuntap add routed0 mode tun
	describe libvirts 12 "" c12 | hook libvirts start begin -
	refused "a device that is not there" "there is no device nowhere" \
		attach 11 nowhere --policy web-server
	refused "a bad name" 'not the name of a device' attach 11 a/b --policy web-server
	refused "a bad MAC" 'mac: expected a unicast MAC' \
		vmseg port attach c11 --mac 01:02:03 --policy web-server
	refused "a bad address" '"10.0.0.300"' attach_web --address 10.0.0.300
	refused "an address twice" 'listed twice' attach_web --address 10.0.0.11
	refused "a policy that is not there" '"nonesuch"' attach 11 c11 --policy nonesuch
	refused "a bad name of a group" '"a b"' attach_web --group "a b"
	refused "frames that are not Ethernet" "routed0 is not an Ethernet device" \
		attach 11 routed0 --policy web-server
	refused "a device of libvirt's" "belongs to domain libvirts" \
		attach 12 c12 --policy web-server
	refused "a bridge" 'br0 is a device of kind "bridge", not the device of a guest' \
		vmseg port attach br0 --mac 52:54:00:00:00:01 --policy web-server
	ip addr add 10.0.3.1/24 dev c11
	refused "a device with an address of the host's" "c11 has the host's address 10.0.3.1" attach_web
	ip addr del 10.0.3.1/24 dev c11
	refused "what is not attached" "nothing to detach" vmseg port detach c11
	check_equal "a missing option is wrong usage" 2 \
		"$(vmseg port attach c11 --mac 52:54:00:00:00:11 >/dev/null 2>&1; echo $?)"
	check_equal "so is one out of place" 2 \
		"$(vmseg port detach c11 --mac 52:54:00:00:00:11 >/dev/null 2>&1; echo $?)"
	check_equal "nothing is filtered by all that" "0 0" \
		"$(ports_used) $(find "$STATE" -type f 2>/dev/null | wc -l)"
	describe libvirts 12 "" | hook libvirts stopped end -
	ip link del routed0
}

check_unwritable_state() {
	mkdir -p "$STATE"
	mount -t tmpfs -o ro,mode=755 tmpfs "$STATE"
	refused "what cannot be kept is not begun" "the state file of c11 cannot be written: $STATE" \
		attach_web
	check_equal "nor is it filtered" "0 " "$(ports_used) $(domain c11 .state)"
	umount "$STATE"
}

check_attach() {
	check_ask "before, everything is let through" answered host 22
	check "a device is attached" attach_web
	check_equal "and listed like a domain" "enforce port web-server" \
		"$(domain c11 '"\(.state) \(.driver) \(.policies | join(","))"')"
	check_equal "shown with its kind" veth "$(show_port c11 .type)"
	check_equal "both directions are hooked" true "$(show_port c11 '.hooked.in and .hooked.out')"
	check_ask "what the policy allows is answered" answered host 80
	check_ask "what it does not is not" silence host 22
	check_equal "the session is shown" http "$(vmseg sessions c11 --json |
		jq -r '[.sessions[] | select(.local_port == 80)][0].rule')"
	check_equal "explain works for it" "drop policy" \
		"$(vmseg explain c11 in tcp 192.0.2.99 :22 --json | jq -r '.verdict + " " + .reason')"
	check_contains "its guards know its address" guard-ip \
		"$(vmseg explain c11 out udp 192.0.2.99:53 198.51.100.1)"
	refused "once is enough" "c11 is already filtered" attach_web
	refused "a domain of libvirt's cannot have it" "filtered for domain c11" \
		hook thief start begin - < <(describe thief 19 "$(managed 19 '')" c11)
	check_ask "and has changed nothing" answered host 80
	check_ask "at all" silence host 22
}

check_groups() {
	check_ask "nobody is in the group" silence admin 22
	check "another is attached, with a group" attach 12 c12 --policy web-server --group admins
	check_ask "and is in it" answered admin 22
	ip link del c12
	check_soon 10 "without its device it waits" state_is c12 waiting
	check_equal "and is no member" '[] []' "$(vmseg group list --json |
		jq -r '.groups[] | select(.name == "admins") | "\(.domains) \(.addresses)"')"
	plug_guest admin c12 12
	check_soon 10 "with it, it is back" state_is c12 enforce
	check_ask "in the group" answered admin 22
}

check_changes() {
	write_policy nothing <<-XML
		<policy xmlns="urn:vmseg:1" name="nothing"/>
	XML
	vmseg reload >/dev/null
	check "what holds can be said anew" attach_web --policy nothing --replace
	check_equal "in this order" "web-server,nothing" "$(domain c11 '.policies | join(",")')"
	check "also something else" attach 11 c11 --policy nothing --replace
	check_ask "which cuts at once" silence host 80
	refused "what cannot be had changes nothing" nonesuch \
		attach 11 c11 --policy nonesuch --replace
	check_equal "really" "nothing" "$(domain c11 '.policies | join(",")')"
	refused "a policy in use stays" "c11 names it" vmseg policy delete nothing
	attach_web --replace
	check_ask "and back" answered host 80
	sed 's/port="80"/port="8080"/' /etc/vmseg/policies/web-server.xml >"$LAB/draft"
	check "a policy that changes" vmseg policy apply "$LAB/draft"
	check_ask "changes here too" silence host 80
	write_good_policy
	vmseg reload >/dev/null
	check_ask "and back again" answered host 80
}

check_daemon_restart() {
	local before
	before=$(identity)
	stop_hostd KILL
	check_ask "with the daemon killed what was allowed is allowed" answered host 80
	check_ask "and what was not is not" silence host 22
	start_hostd
	check_equal "the next one finds the port as it was" "$before" "$(identity)"
	check_ask "and filters" silence host 22
}

check_new_device() {
	local before=$1
	check_ask "$before: it is filtered by the same policy" answered host 80
	check_ask "all of it" silence host 22
	check_equal "on the device that is there now" "$(cat /sys/class/net/c11/ifindex)" \
		"$(show_port c11 .ifindex)"
}

web_sessions() {
	vmseg sessions c11 --json | jq '[.sessions[] | select(.local_port == 80)] | length'
}

check_devices() {
	check "there are sessions" test "$(web_sessions)" -gt 0
	ip link del c11
	check_soon 10 "a device that is gone is waited for" state_is c11 waiting
	check_equal "that is no problem" "[]" "$(vmseg status --json | jq -c .problems)"
	check "a reload meanwhile is none either" vmseg reload
	plug_guest web c11 11
	check_soon 10 "one that is made anew" state_is c11 enforce
	check_equal "has none of the former's sessions" 0 "$(web_sessions)"
	check_new_device "made anew"

	ip link del c11
	plug_guest web other0 11
	check_soon 10 "while it is called otherwise it waits" state_is c11 waiting
	ip link set other0 down
	ip link set other0 name c11
	ip link set c11 up
	check_soon 10 "until it has the name" state_is c11 enforce
	check_new_device "renamed"

	stop_hostd KILL
	ip link del c11
	plug_guest web c11 11
	check_ask "one that is made while no daemon runs is open" answered host 22
	start_hostd
	check_new_device "until there is one"
}

# Nothing is left but what is on disk.
reboot() {
	stop_hostd
	vmseg detach --all
	rm -rf /run/vmseg
}

check_reboot() {
	reboot
	mkdir -p /run/vmseg
	check_ask "after a reboot nothing filters" answered host 22
	start_hostd
	check_new_device "until the daemon starts"
	reboot
	mkdir -p /run/vmseg
	write_bad_policy
	start_hostd
	check_equal "with a policy that is bad now" closed "$(domain c11 .state)"
	check_ask "nothing passes" silence host 80
	check_contains "and status says why" web-server "$(vmseg status)"
	write_good_policy
	check "with a good one" vmseg reload
	check_new_device "it is opened"
}

check_detach() {
	check "detach takes the filter off" vmseg detach c11
	check_ask "everything is let through" answered host 22
	check_equal "it is shown so" detached "$(domain c11 .state)"
	check "attach puts it back" vmseg attach c11
	check_ask "it filters again" silence host 22
	check "port detach ends it" vmseg port detach c11
	check_ask "everything is let through" answered host 22
	check_equal "it is not known any more" "" "$(domain c11 .state)"
	vmseg port detach c12
	check_equal "nothing is kept of either" "0 0" \
		"$(ports_used) $(find "$STATE" -type f | wc -l)"
	stop_hostd
	start_hostd
	check_equal "nor found by the next daemon" "" "$(domain c11 .state)"
}

# Whoever insists has it; what is said anew later needs no more words.
check_force() {
	check "with --force a bridge is attached" attach 17 br0 --policy web-server --force
	check_equal "... really" "enforce bridge" "$(domain br0 .state) $(show_port br0 .type)"
	check_ask "... and the host is cut off, as was said" silence host 80
	check "... --replace needs no --force" attach 17 br0 --policy web-server --replace
	vmseg port detach br0
	check_ask "... and back" answered host 80
	check_equal "--force is no option of others" 2 \
		"$(vmseg port detach br0 --force >/dev/null 2>&1; echo $?)"
}

# A tap has no guest here to talk to; it is attached by the same code, the right way round.
check_kinds() {
	ip tuntap add t13 mode tap
	ip link add link br0 name m14 type macvtap mode bridge
	check "a tap is attached" attach 13 t13 --policy web-server
	check_equal "as such" tap "$(show_port t13 .type)"
	check "a macvtap is attached" attach 14 m14 --policy web-server
	check_equal "as such" macvtap "$(show_port m14 .type)"
	ip link del t13
	ip link del m14
	check_soon 10 "they wait for the next" state_is m14 waiting
	ip link add link br0 name t13 type macvtap mode bridge
	check_soon 10 "which may be of another kind" state_is t13 enforce
	check_equal "and is taken as such" macvtap "$(show_port t13 .type)"
	vmseg port detach t13
	vmseg port detach m14
}

# With a macvlan, as with a macvtap, the guest is at the upper end: here this namespace, which is
# asked by one that is beyond the lower device.
check_reversed() {
	ip netns add far
	ip link add lower0 type veth peer name eth0 netns far
	ip link set lower0 up
	ip -netns far addr add 10.0.1.2/24 dev eth0
	ip -netns far link set eth0 up
	ip link add link lower0 name mv0 address 52:54:00:00:00:15 type macvlan mode bridge
	ip addr add 10.0.1.15/24 dev mv0
	ip link set mv0 up
	"$TOOLS/echo_server" 80 22 &
	check "a macvlan with an address is attached" vmseg port attach mv0 --policy web-server \
		--mac 52:54:00:00:00:15 --address 10.0.1.15 --force
	check_equal "what may come in comes in" answered \
		"$(ip netns exec far "$TOOLS/ask" -w 10 tcp 10.0.1.15 80 || true)"
	check_equal "what may not does not" silence \
		"$(ip netns exec far "$TOOLS/ask" -w 1 tcp 10.0.1.15 22 || true)"
	check "and counts as that" test "$(counter mv0 in policy)" -gt 0
	# What is dropped on its way out comes back to the sender as an error.
	"$TOOLS/send_frame" -n 7 -i 1 mv0 udp 10.0.1.99 10.0.1.2
	check_equal "what is forged at the upper end counts as sent" 7 "$(counter mv0 out guard-ip)"
	vmseg port detach mv0
	ip link del mv0
	ip netns del far
}

set_up
check_refusals
check_unwritable_state
check_attach
check_groups
check_changes
check_daemon_restart
check_devices
check_reboot
check_detach
check_force
check_kinds
check_reversed
stop_hostd
done_testing

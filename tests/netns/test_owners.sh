#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whose a device is, without libvirt: two domains that name one device, descriptions that cannot be
# read, devices that nobody is known to have.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq
need curl
need bpftool

error_of() {
	domain "$1" .error
}

state_of() {
	domain "$1" .state
}

# The links of vmseg's two programs with a device.
programs_on() {
	find /sys/fs/bpf/vmseg/links -name "$(cat "/sys/class/net/$1/ifindex")-*" | wc -l
}

unclaimed() {
	vmseg status --json | jq -r '[.unclaimed[].device] | join(" ")'
}

problems() {
	vmseg status --json | jq -r '.problems[] | "\(.domain): \(.error)"'
}

web_xml() {
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" "$@"
}

start_web() {
	web_xml vnet0 | hook web start begin -
}

# ---- two domains, one device ------------------------------------------------------------------

thief_xml() {
	describe thief 35 "<vmseg:domain xmlns:vmseg='urn:vmseg:1'/>" vnet0 |
		sed 's/52:54:00:00:00:35/52:54:00:00:00:11/'
}

check_refused() {
	local refusal
	refusal=$(thief_xml | hook thief start begin - 2>&1) && refusal="it has started"
	check_contains "a domain that names another's device does not start" \
		"device vnet0 is filtered for domain web" "$refusal"
	check_equal "... and is not known" "" "$(state_of thief)"
	thief_xml | hook thief stopped end -
	check_equal "its end takes nothing off the device" "2 enforce" \
		"$(programs_on vnet0) $(state_of web)"
	check_ask "... which is filtered" silence host 22
	check_ask "... as before" answered host 80
}

# libvirt says that both run: neither may be hurt.
check_named() {
	thief_xml | hook thief reconnect begin -
	check_equal "of two that run with one device the second is a problem" stale "$(state_of thief)"
	check_contains "... that is named" "thief: device vnet0 is filtered for domain web" "$(problems)"
	check_equal "... and the first goes on" enforce "$(state_of web)"
	thief_xml | hook thief stopped end -
	check_equal "the end of the second takes nothing off the device" "2 enforce" \
		"$(programs_on vnet0) $(state_of web)"
	thief_xml | hook thief reconnect begin -
	web_xml vnet0 | hook web stopped end -
	check_equal "the end of the first opens nothing" 2 "$(programs_on vnet0)"
	check_soon 30 "... the second has the device then" second_has_it
	check_ask "... by its own policy" silence host 80
	thief_xml | hook thief stopped end -
	check_equal "with the last it is over" 0 "$(programs_on vnet0)"
	check "web starts again" start_web
}

second_has_it() {
	[ "$(state_of thief) $(vmseg show thief --json | jq -r '.ports[0].ifindex')" = \
		"enforce $(cat /sys/class/net/vnet0/ifindex)" ]
}

# ---- two domains, one UUID --------------------------------------------------------------------

# As another libvirt runs it: web's UUID, and a device of its own.
clone_xml() {
	web_xml vnet9 | sed 's/>web</>clone</'
}

check_clone() {
	local refusal
	ip link add vnet9 type veth peer name eth9
	refusal=$(clone_xml | hook clone start begin - 2>&1) && refusal="it has started"
	check_contains "a clone of the same UUID does not start with another device" \
		"device vnet0 still exists and is filtered for domain web" "$refusal"
	clone_xml | hook clone stopped end -
	web_xml - | sed 's/>web</>clone</' | hook clone release end -
	check_equal "... and the domain that runs goes on" "2 enforce" \
		"$(programs_on vnet0) $(state_of web)"
	clone_xml | sed 's/>clone</>web</' | hook web stopped end -
	web_xml - | hook web release end -
	check_equal "... also when the clone has its name" "2 enforce" \
		"$(programs_on vnet0) $(state_of web)"
	check_ask "... by its policy" silence host 22
	check_ask "... as before" answered host 80
	ip link del vnet9
}

# check_beside NAME: web runs, and a clone of that name is known.
check_beside() {
	check_equal "a clone ($1) that reconnects takes nothing from the domain that runs" \
		"2 enforce web" \
		"$(programs_on vnet0) $(state_of web) $(vmseg show web --json | jq -r .name)"
	check_contains "... and is a problem" \
		"web: another running domain, $1 of driver qemu, has the same UUID and is not filtered" \
		"$(problems)"
	check_contains "... its device stays closed" \
		"it belongs to domain $1, which has the UUID of domain web" \
		"$(vmseg status --json | jq -r '.unclaimed[] | select(.device == "vnet9").reason')"
}

# libvirtd restarts in the other libvirt, and calls the hook for its clone.
check_clone_reconnects() {
	local name
	ip link add vnet9 type veth peer name eth9
	check_soon 30 "the device of a clone is closed" unclaimed_are vnet9
	for name in clone web; do
		clone_xml | sed "s/>clone</>$name</" | hook "$name" reconnect begin -
		check_beside "$name"
	done
	stop_hostd KILL
	start_hostd
	check_beside web
	clone_xml | sed "s/>clone</>web</" | hook web stopped end -
	check_equal "... until it ends" "" "$(problems)"
	check_equal "... which takes nothing, either" "2 enforce" "$(programs_on vnet0) $(state_of web)"
	clone_xml | sed "s/<metadata>.*<\/metadata>//" | hook clone reconnect begin -
	check_equal "the device of a clone that is not managed is not kept closed" "" \
		"$(vmseg status --json | jq -r '.unclaimed[].reason' | grep UUID)"
	clone_xml | hook clone reconnect begin -
	web_xml vnet0 | hook web stopped end -
	check_equal "when the first domain has ended, the clone is filtered" "enforce 2  0" \
		"$(state_of clone) $(programs_on vnet9) $(unclaimed) $(programs_on vnet0)"
	clone_xml | hook clone stopped end -
	ip link del vnet9
	check "web starts again" start_web
	clone_xml | hook clone reconnect begin -
	check_soon 30 "a clone without a device is forgotten" has_no_problem
}

# container_xml METADATA DEVICE: a container of libvirt's LXC driver, with web's UUID.
container_xml() {
	describe ct 11 "$1" "$2" | sed "s/type='kvm'/type='lxc'/"
}

# as_web METADATA [NAME]: web's UUID and device, and its name if there is no other.
as_web() {
	describe "${2:-web}" 11 "$1" vnet0
}

# check_web WHEN
check_web() {
	check_equal "... $1 web goes on" "2 enforce web" \
		"$(programs_on vnet0) $(state_of web) $(vmseg show web --json | jq -r .name)"
}

# A description of web's UUID names web's own device, and would open it.
check_same_device() {
	local open="<vmseg:domain xmlns:vmseg='urn:vmseg:1'/>" metadata refusal
	for metadata in "" "$open"; do
		refusal=$(container_xml "$metadata" vnet0 | hook ct start begin - 2>&1) &&
			refusal="it has started"
		check_contains "a container of web's UUID does not start with web's device" \
			"device vnet0 still exists and is filtered for domain web" "$refusal"
		check_web "beside it"
		refusal=$(as_web "$metadata" clone | hook clone start begin - 2>&1) &&
			refusal="it has started"
		check_contains "nor does a VM of another name" \
			"device vnet0 still exists and is filtered for domain web" "$refusal"
		check_web "beside it"
		container_xml "$metadata" vnet0 | hook ct reconnect begin -
		check_web "when a container reconnects with its device,"
		check_contains "... which is a problem" \
			"web: another running domain, ct of driver lxc, has the same UUID" "$(problems)"
		vmseg reload >/dev/null
		check_web "after a reload"
		container_xml "$metadata" vnet0 | hook ct stopped end -
		check_web "when the container ends,"
		check_equal "... and the problem is over" "" "$(problems)"
		as_web "$metadata" clone | hook clone reconnect begin -
		check_web "when a VM of another name reconnects with its device,"
		as_web "$metadata" clone | hook clone stopped end -
		check_web "when that ends,"
	done
	refusal=$(as_web "" | hook web start begin - 2>&1) && refusal="it has started"
	check_contains "a start without metadata does not open a device that is filtered" \
		"device vnet0 still exists and is filtered for domain web" "$refusal"
	check_web "after it"
	check_ask "... by its policy" silence host 22
	web_xml vnet0 | hook web stopped end -
	check "after web's end it starts" hook web start begin - < <(as_web "")
	check_equal "... and is not filtered" 0 "$(programs_on vnet0)"
	as_web "" | hook web stopped end -
	check "web starts again" start_web
}

# Devices of a container of web's UUID that has its own.
check_container() {
	local metadata
	ip link add vnet9 type veth peer name eth9
	for metadata in "" "<vmseg:domain xmlns:vmseg='urn:vmseg:1'/>"; do
		container_xml "$metadata" vnet9 | hook ct reconnect begin -
		check_web "when a container with a device of its own reconnects,"
		container_xml "$metadata" vnet9 | hook ct stopped end -
		check_web "when it ends,"
	done
	ip link del vnet9
	check_soon 30 "a container without a device is forgotten" has_no_problem
}

has_no_problem() {
	[ -z "$(problems)" ]
}

# A start that fails for a domain that runs already changes nothing.
check_failed_start() {
	local refusal
	mv /etc/vmseg/policies/web-server.xml "$LAB/web-server.xml"
	vmseg reload >"$LAB/reload" 2>&1 || true
	refusal=$(start_web 2>&1) && refusal="it has started"
	check_contains "a domain that runs cannot start without its policy" "there is no policy" \
		"$refusal"
	check_equal "... and keeps what it has" "2 stale" "$(programs_on vnet0) $(state_of web)"
	check_ask "... which does not let in more" silence host 22
	check_ask "... and no less" answered host 80
	mv "$LAB/web-server.xml" /etc/vmseg/policies/web-server.xml
	vmseg reload >"$LAB/reload" 2>&1 || true
	refusal=$(web_xml vnet0 no-such | hook web start begin - 2>&1) && refusal="it has started"
	check_contains "nor with a device that is not there" "there is no no-such" "$refusal"
	check_equal "... and keeps what it has" 2 "$(programs_on vnet0)"
	check_ask "... which does not let in more" silence host 22
	check_ask "... and no less" answered host 80
	vmseg reload >"$LAB/reload" 2>&1 || true
	check "... until it starts again" start_web
	check_equal "... as a whole" "enforce 2" "$(state_of web) $(programs_on vnet0)"
}

# ---- one name, two domains --------------------------------------------------------------------

check_names() {
	local uuid=00000000-0000-0000-0000-000000000011 command
	ip link add vnet8 type veth peer name eth8
	ip link set vnet8 master br0
	vmseg port attach vnet8 --mac 52:54:00:00:00:48 --policy web-server
	describe vnet8 36 "<vmseg:domain xmlns:vmseg='urn:vmseg:1'/>" | hook vnet8 reconnect begin -
	for command in show detach attach; do
		check_contains "$command: a name that two domains have is refused" \
			"two domains are named \"vnet8\"" "$(! vmseg "$command" vnet8 2>&1)"
	done
	check_equal "... both are named by their UUIDs" 2 \
		"$(vmseg list --json | jq -r '.domains[] | select(.name == "vnet8").uuid' |
			grep -cFf - <(vmseg show vnet8 2>&1 | grep -oE '[0-9a-f-]{36}'))"
	check_equal "... and nothing has changed" 2 "$(programs_on vnet8)"
	check "a UUID says which" vmseg show 00000000-0000-0000-0000-000000000036
	check "a device says which" vmseg port detach vnet8
	check "... then the name does" vmseg show vnet8
	describe vnet8 36 "" | hook vnet8 stopped end -
	describe "$uuid" 37 "<vmseg:domain xmlns:vmseg='urn:vmseg:1'/>" |
		hook "$uuid" reconnect begin -
	check_equal "a UUID is a UUID before it is a name" web \
		"$(vmseg show "$uuid" --json | jq -r .name)"
	describe "$uuid" 37 "" | hook "$uuid" stopped end -
	ip link del vnet8
}

# ---- descriptions that cannot be read ---------------------------------------------------------

# An interface without a MAC address.
unreadable_xml() {
	web_xml vnet0 vnet1 | sed "s/<mac address='52:54:00:00:00:12'\/>//"
}

check_kept() {
	local event=$1
	check_equal "... after $event it is still a problem" stale "$(state_of web)"
	check_contains "... that is named" "cannot be read" "$(error_of web)"
	check_ask "... it keeps what it has" answered host 80
	check_ask "... and no more" silence host 22
}

check_unread() {
	unreadable_xml | hook web reconnect begin -
	check_kept "a description that cannot be read"
	vmseg reload >"$LAB/reload" 2>&1 || true
	check_kept "a reload"
	write_policy other <<<'<policy xmlns="urn:vmseg:1" name="other"/>'
	vmseg reload >"$LAB/reload" 2>&1 || true
	check_kept "another policy"
	stop_hostd KILL
	start_hostd
	check_kept "a restart"
	# What holds for it already is still looked after.
	sed -i 's/port="80"/port="22"/' /etc/vmseg/policies/web-server.xml
	vmseg reload >"$LAB/reload" 2>&1 || true
	check_ask "a policy that changes holds for it" silence host 80
	write_good_policy
	vmseg reload >"$LAB/reload" 2>&1 || true
	web_xml vnet0 | hook web reconnect begin -
	check_equal "until it can be read again" enforce "$(state_of web)"
}

check_unread_end() {
	unreadable_xml | hook web reconnect begin -
	unreadable_xml | hook web stopped end -
	check_equal "a domain whose description cannot be read can end" "" "$(state_of web)"
	check_equal "... with its port" 0 "$(programs_on vnet0)"
	check "web starts again" start_web
}

check_unread_stranger() {
	unreadable_xml | sed 's/>web</>nameless</; s/000011</000077</' | hook nameless reconnect begin -
	check_equal "one that was not known is named as well" stale "$(state_of nameless)"
	check_contains "... with the reason" "has no <mac" "$(problems)"
	unreadable_xml | sed 's/>web</>nameless</; s/000011</000077</' | hook nameless stopped end -
}

# ---- devices that nobody is known to have -----------------------------------------------------

check_release() {
	rm -f /run/vmseg/domains/*.json
	stop_hostd KILL
	start_hostd
	check_equal "a port that nobody has written down stays" "vnet0 2" \
		"$(unclaimed) $(programs_on vnet0)"
	check_contains "... and status says why" "no libvirt to ask" \
		"$(vmseg status | grep unclaimed)"
	check_fails "who may only look does not open it" vmseg --socket /run/vmseg/read.sock \
		port release vnet0
	check "an admin opens it" vmseg port release vnet0
	check_equal "... for good" " 0" "$(unclaimed) $(programs_on vnet0)"
	check_ask "... everything passes" answered host 22
	check_contains "... which is logged" "device vnet0: released by vmseg port release" "$(<"$LAB/hostd.log")"
	check_contains "once" "vnet0 is not an unclaimed device" "$(! vmseg port release vnet0 2>&1)"
	check_contains "what is not there cannot be released" "no-such is not an unclaimed device" \
		"$(! vmseg port release no-such 2>&1)"
	check "web is filtered again" start_web
	check_contains "a domain's device is not released" "is filtered for domain web" \
		"$(! vmseg port release vnet0 2>&1)"
}

# A start that fails gives nobody a device.
check_failed_thief() {
	local open="<vmseg:domain xmlns:vmseg='urn:vmseg:1'/>" device
	rm -f /run/vmseg/domains/*.json
	stop_hostd KILL
	start_hostd
	for device in no-such lo; do
		check_fails "a domain does not start with $device" \
			hook thief start begin - < <(describe thief 35 "$open" vnet0 "$device")
		check_equal "... and another's device stays as it is" "vnet0 2" \
			"$(unclaimed) $(programs_on vnet0)"
		check_contains "... as one that was filtered when the daemon started" "no libvirt to ask" \
			"$(vmseg status | grep unclaimed)"
		check_ask "... which is not open" silence host 22
	done
	web_xml vnet0 | hook web reconnect begin -
	check_equal "its domain gets it back" "enforce 2 " \
		"$(state_of web) $(programs_on vnet0) $(unclaimed)"
	check_ask "... by its policy" answered host 80
}

# ---- programs and devices that are not there --------------------------------------------------

check_lost_device() {
	ip link set vnet0 netns admin
	check_soon 30 "a domain whose device is elsewhere is not said to be filtered" \
		is_stale
	check_contains "... the interface is named" "has no host device" "$(problems)"
	check_equal "... and has its sample in the metrics" 0 "$(metric vmseg_port_in_line)"
	ip -netns admin link set vnet0 netns 1
	ip link set vnet0 master br0 up
	check_soon 30 "when it is back it is filtered" is_enforced
	check_ask "... by policy" silence host 22
	check_ask "... which lets in what it did" answered host 80
}

metric() {
	curl -s --unix-socket "$LAB_RUN/metrics" http://localhost/metrics | grep "^$1{" | sed 's/.* //'
}

# rename_device FROM TO
rename_device() {
	ip link set "$1" down
	ip link set "$1" name "$2"
	ip link set "$2" up
}

# check_own_device WHEN: the guest is behind kept0, and vnet0 is somebody's.
check_own_device() {
	check_equal "$1 the domain keeps its own device" "$own" "$(show_port web .ifindex)"
	check_equal "... which is filtered, and the other device is closed" "2 2 vnet0" \
		"$(programs_on kept0) $(programs_on vnet0) $(unclaimed)"
	check_ask "... by policy" silence host 22
	check_ask "... which lets in what it did" answered host 80
	check_contains "... which is a problem that is named" \
		"web: interface 52:54:00:00:00:11: its device was renamed to kept0, and another device now has the name vnet0" \
		"$(problems)"
}

check_renamed_device() {
	local own
	own=$(cat /sys/class/net/vnet0/ifindex)
	rename_device vnet0 kept0
	check_equal "a device that is renamed stays the domain's" enforce "$(state_of web)"
	ip tuntap add vnet0 mode tap
	ip link set vnet0 up
	check_soon 30 "another device of its name is told of" is_stale
	check_own_device "meanwhile"
	vmseg reload >/dev/null
	check_own_device "after a reload"
	web_xml vnet0 | hook web reconnect begin -
	check_own_device "after libvirt's word"
	stop_hostd KILL
	start_hostd
	check_own_device "after a restart"
	ip link del vnet0
	rename_device kept0 vnet0
	check_soon 30 "it ends with the other device" is_enforced
}

# check_newcomer WHEN: the guest's device is elsewhere, and vnet0 is somebody's.
check_newcomer() {
	check_contains "$1 another device of its name is not taken for it" \
		"web: interface 52:54:00:00:00:11: its device was moved to another network namespace, and another device now has the name vnet0" \
		"$(problems)"
	check_equal "... web is not said to be filtered" stale "$(state_of web)"
	check_equal "... and the other device is closed" "2 vnet0" "$(programs_on vnet0) $(unclaimed)"
}

check_moved_device() {
	ip link set vnet0 netns admin
	check_soon 30 "a device that is moved away is missed" is_stale
	stop_hostd KILL
	start_hostd
	check_equal "... also by the next daemon" true "$(is_stale && echo true)"
	ip tuntap add vnet0 mode tap
	ip link set vnet0 up
	check_soon 30 "a device of its name is closed" unclaimed_are vnet0
	check_newcomer "meanwhile"
	vmseg reload >/dev/null || true
	check_newcomer "after a reload"
	web_xml vnet0 | hook web reconnect begin -
	check_newcomer "after libvirt's word"
	stop_hostd KILL
	start_hostd
	check_newcomer "after a restart"
	ip link del vnet0
	check_soon 30 "... until that is gone" unclaimed_are ""
	ip -netns admin link set vnet0 netns 1
	ip link set vnet0 master br0 up
	check_soon 30 "when its own device is back it is filtered" is_enforced
	check_ask "... by policy" silence host 22
	ip link set vnet0 netns admin
	check_soon 30 "moved away once more" is_stale
	check_failed_attach
	ip link add vnet0 type veth peer name other0
	check_soon 30 "... another device is closed" unclaimed_are vnet0
	check "... an admin may say that it is the domain's" vmseg attach web
	check_equal "... then it has the policy" "enforce 2 " \
		"$(state_of web) $(programs_on vnet0) $(unclaimed)"
	ip link del vnet0
	ip -netns admin link set vnet0 netns 1
	ip link set vnet0 master br0 up
	check_soon 30 "its own device is filtered when it is back" is_enforced
}

# What an admin says counts when it is done.
check_failed_attach() {
	vmseg detach web
	write_bad_policy
	vmseg reload >/dev/null 2>&1 || true
	check_fails "a detached domain is not attached with a bad policy" vmseg attach web
	write_good_policy
	vmseg reload >/dev/null 2>&1 || true
	check_equal "... and its device stays the one that was moved away" vnet0 \
		"$(jq -r '.moved[].device' /run/vmseg/domains/*.json)"
}

# check_long_name NAME: one of 255 bytes.
check_long_name() {
	ip link add vnet6 type veth peer name eth6
	describe "$1" 38 "$(managed 38 "<vmseg:policy ref='web-server'/>")" vnet6 |
		hook "$1" start begin -
	ip link set vnet6 netns admin
	ip link add vnet6 type veth peer name other6
	check_soon 30 "a problem with a domain of a long name is shown whole" \
		has_problem "run vmseg attach $1)"
	stop "$1" 38
	ip link del vnet6
	ip -netns admin link del vnet6
}

has_problem() {
	problems | grep -qF "$1"
}

# The domain has another NIC, so that it is not over when one is gone.
check_unseen_newcomer() {
	ip link add vnet5 type veth peer name other5
	web_xml vnet0 vnet5 | hook web reconnect begin -
	check_equal "a second NIC is filtered" "enforce 2" "$(state_of web) $(programs_on vnet5)"
	stop_hostd KILL
	ip link del vnet5
	ip link add vnet5 type veth peer name other5
	start_hostd
	check_soon 30 "a device that came by its name while no daemon ran is closed" unclaimed_are vnet5
	check_contains "... and named" "vmseg-hostd did not run when vnet5 got its name" "$(problems)"
	check_equal "... which is a problem" "stale 2" "$(state_of web) $(programs_on vnet5)"
	web_xml vnet0 vnet5 | hook web reconnect begin -
	check_equal "... until libvirt says that it is the domain's" "enforce 2 " \
		"$(state_of web) $(programs_on vnet5) $(unclaimed)"
	ip link del vnet5
	web_xml vnet0 | hook web reconnect begin -
	check_soon 30 "..." is_enforced
}

# It came while no daemon ran, and the domain has its own device by another name.
check_unseen_namesake() {
	stop_hostd KILL
	rename_device vnet0 kept0
	ip link add vnet0 type veth peer name other0
	start_hostd
	check_soon 30 "a device that came by the name of one that was renamed is closed" \
		unclaimed_are vnet0
	check_equal "... and the domain's own is filtered" "2 2" "$(programs_on kept0) $(programs_on vnet0)"
	ip link del vnet0
	rename_device kept0 vnet0
	check_soon 30 "..." is_enforced
}

unclaimed_are() {
	[ "$(unclaimed)" = "$1" ]
}

is_stale() {
	[ "$(state_of web)" = stale ]
}

is_enforced() {
	[ "$(state_of web) $(programs_on vnet0)" = "enforce 2" ]
}

mkdir -p /etc/vmseg/policies
add_bridge br0 "$HOST/24"
add_guest web vnet0 11
add_guest admin vnet1 12
write_good_policy
start_hostd 'libvirt-uri = none' "metrics-listen = $LAB_RUN/metrics"
check "web starts" start_web
check_refused
check_named
check_clone
check_clone_reconnects
check_same_device
check_container
check_failed_start
check_names
check_unread
check_unread_end
check_unread_stranger
check_lost_device
check_renamed_device
check_moved_device
check_long_name "a$(printf 'é%.0s' {1..127})"
check_unseen_newcomer
check_unseen_namesake
check_release
check_failed_thief
stop web 11
stop_hostd
done_testing

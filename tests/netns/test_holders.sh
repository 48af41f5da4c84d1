#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices that a managed domain's QEMU has open, and that are in no XML: a monitor command adds such
# interfaces. They are closed and named, whenever they were made and whenever QEMU opens them.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq
need python3

UUID=00000000-0000-0000-0000-000000000011

unclaimed() {
	vmseg status --json | jq -r '[.unclaimed[].device] | sort | join(" ")'
}

unclaimed_are() {
	[ "$(unclaimed)" = "$1" ]
}

reason_has() {
	[[ "$(vmseg status --json | jq -r ".unclaimed[] | select(.device == \"$1\").reason")" == *"$2"* ]]
}

problems() {
	vmseg status --json | jq -r '.problems[] | "\(.domain): \(.error)"'
}

has_problem() {
	problems | grep -qF "$1"
}

programs_on() {
	find /sys/fs/bpf/vmseg/links -name "$(cat "/sys/class/net/$1/ifindex")-*" | wc -l
}

state_is() {
	[ "$(domain web .state)" = "$1" ]
}

# hold_tap DEVICE [UUID]: a process that has the tap open until its input ends; with a UUID it looks
# like that domain's QEMU.
hold_tap() {
	mkfifo "$LAB/$1.in"
	python3 "$TOP/tests/harness/hold_tap.py" "$1" -uuid "${2:-none}" <"$LAB/$1.in" &
	holder=$!
	exec 7>"$LAB/$1.in"
	wait_for 10 [ -e "/sys/class/net/$1" ]
	ip link set "$1" up
	wait_for 10 grep -q "iff:.*$1" -r "/proc/$holder/fdinfo"
}

end_holder() {
	exec 7>&-
	wait "$holder" || true
	rm "$LAB"/*.in
}

# A daemon that starts while there is a holder must not keep the holder's input open.
start_hostd_beside() {
	start_hostd 7>&-
}

# be_qemu: the last holder is what libvirt says is web's QEMU.
be_qemu() {
	echo "$holder" >/run/libvirt/qemu/web.pid
}

SECRET="its QEMU has device @ open, which its description does not name"

# check_secret WHEN DEVICE
check_secret() {
	check_soon 30 "$1 is named" has_problem "web: ${SECRET/@/$2}: the device passes nothing"
	check_equal "... web is not said to be as asked for" stale "$(domain web .state)"
	check_equal "... it is closed" "$2 2" "$(unclaimed) $(programs_on "$2")"
	check "... with the reason" reason_has "$2" "the QEMU of domain web has it open"
}

check_new() {
	hold_tap tap5 "$UUID"
	be_qemu
	check_secret "a new tap of QEMU's" tap5
	end_holder
	check_soon 30 "... until it is gone" state_is enforce
	check_equal "... nothing is left" "" "$(unclaimed)$(problems)"
}

# The kernel shows what QEMU has open by its present name.
check_new_name() {
	hold_tap tap15 "$UUID"
	be_qemu
	check_soon 30 "a new tap is closed" unclaimed_are tap15
	ip link set tap15 down
	ip link set tap15 name other15
	ip link set other15 up
	check_soon 30 "... also by another name" unclaimed_are other15
	check_secret "a tap of QEMU's that has another name" other15
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 tap15 |
		hook web reconnect begin -
	check "the domain waits for a device" has_problem "there is no tap15"
	ip link set other15 down
	ip link set other15 name tap15
	check_soon 30 "... and has it when one gets that name" state_is enforce
	check_equal "..." "2 " "$(programs_on tap15) $(unclaimed)"
	end_holder
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web reconnect begin -
	check_soon 30 "..." state_is enforce
}

# It is there before the daemon, and QEMU opens it later.
check_old() {
	stop_hostd
	ip tuntap add tap6 mode tap
	ip tuntap add tap7 mode tap
	start_hostd
	check_equal "a tap that was there before the daemon is left alone" 0 "$(programs_on tap6)"
	hold_tap tap6
	check_soon 30 "... until somebody opens it: then it is closed like a new one" \
		unclaimed_are tap6
	check_equal "... at once" 2 "$(programs_on tap6)"
	end_holder
	hold_tap tap7 "$UUID"
	be_qemu
	check "an admin opens one" vmseg port release tap6
	check_secret "a tap that QEMU opens later" tap7
	check "an admin may open it" vmseg port release tap7
	check_soon 30 "... it is still named" has_problem \
		"web: ${SECRET/@/tap7}: the device is not filtered"
	check_equal "... and stays open" "0 stale" "$(programs_on tap7) $(domain web .state)"
	end_holder
	check_soon 30 "... until QEMU closes it" state_is enforce
	ip link del tap6
	ip link del tap7
}

# What QEMU has is what libvirt says.
check_named() {
	hold_tap tap8 "$UUID"
	be_qemu
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 tap8 |
		hook web reconnect begin -
	check_equal "a tap that the description names is the domain's" "enforce  2" \
		"$(domain web .state) $(unclaimed) $(programs_on tap8)"
	end_holder
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web reconnect begin -
}

# A process that is another one's is none of web's: what web's has open is not known.
check_stranger() {
	hold_tap tap9 00000000-0000-0000-0000-000000000099
	be_qemu
	check_soon 30 "a tap of unknown owner is closed" unclaimed_are tap9
	check_soon 30 "a domain whose QEMU cannot be looked at is a problem" has_problem \
		"web: vmseg cannot see which devices its QEMU has open (the process in libvirt's PID file is not its QEMU)"
	check "... it is not said to be as asked for" state_is stale
	end_holder
	check_soon 30 "... until its QEMU has ended" state_is enforce
	check_soon 30 "..." unclaimed_are ""
}

# The kernel does not report that a process opens a tap that is down.
check_opened_while_down() {
	stop_hostd
	hold_tap tap10
	ip tuntap add tap11 mode tap
	start_hostd_beside
	check_equal "a tap that a process has open is left alone" 0 "$(programs_on tap10)"
	python3 "$TOP/tests/harness/hold_tap.py" tap11 <"$LAB/tap10.in" 7>&- &
	describe other 22 "" tap11 | hook other start begin -
	ip link set tap11 up
	wait_for 30 unclaimed_are ""
	ip link set tap10 down
	ip link set tap10 up
	check_soon 30 "a tap that was down is closed like a new one: another process may have it open" \
		unclaimed_are tap10
	ip link set tap11 down
	ip link set tap11 up
	ip tuntap add tap12 mode tap
	check_soon 30 "a device that comes later is closed" unclaimed_are "tap10 tap12"
	check_equal "... the tap of a domain that is not filtered is left alone" 0 "$(programs_on tap11)"
	end_holder
	ip link del tap11
	ip link del tap12
	stop other 22
	check_soon 30 "..." unclaimed_are ""
}

# An interface that TC cannot filter has no device on the host, whatever its description names.
check_unfilterable() {
	stop_hostd
	start_hostd 'libvirt-uri = none' 'unfilterable-interfaces = ignore'
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 tap13 |
		sed "s/type='bridge'><mac address='52:54:00:00:00:12'/type='user'><mac address='52:54:00:00:00:12'/" |
		hook web reconnect begin -
	check "a domain with an interface that cannot be filtered" state_is enforce
	stop_hostd
	hold_tap tap13 "$UUID"
	be_qemu
	start_hostd_beside
	check_secret "a tap of QEMU's that only such an interface names" tap13
	end_holder
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web reconnect begin -
	check_soon 30 "..." state_is enforce
}

lone_state() {
	domain lone .state
}

lone_is() {
	[ "$(lone_state)" = "$1" ]
}

lone_xml() {
	describe lone 31 "$(managed 31 "<vmseg:policy ref='web-server'/>")" tap14
}

# Its only device is moved away while no daemon runs: its QEMU is still there.
check_moved_unseen() {
	hold_tap tap14 00000000-0000-0000-0000-000000000031
	echo "$holder" >/run/libvirt/qemu/lone.pid
	lone_xml | hook lone start begin -
	check_equal "a domain with one tap" "enforce 2" "$(lone_state) $(programs_on tap14)"
	stop_hostd KILL
	ip link set tap14 netns web
	start_hostd_beside
	check_equal "a domain whose only device was moved away is remembered" stale "$(lone_state)"
	check "... with the reason" has_problem "has no host device: there is no tap14"
	ip tuntap add tap14 mode tap
	check_soon 30 "another device of its name is closed" unclaimed_are tap14
	lone_xml | hook lone reconnect begin -
	check "... and is not taken for it" has_problem \
		"its device was moved to another network namespace, and another device now has the name tap14"
	ip link del tap14
	ip -netns web link set tap14 netns 1
	check_soon 30 "when its device is back it is filtered" lone_is enforce
	check_equal "..." 2 "$(programs_on tap14)"
	stop_hostd KILL
	end_holder
	start_hostd
	check_equal "it is forgotten when its QEMU has ended" "" "$(lone_state)"
}

mkdir -p /etc/vmseg/policies /run/libvirt/qemu
add_bridge br0 "$HOST/24"
add_guest web vnet0 11
write_good_policy
start_hostd 'libvirt-uri = none'
describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 | hook web start begin -
check_new
check_new_name
check_old
check_named
check_stranger
check_opened_while_down
check_moved_unseen
check_unfilterable
stop web 11
stop_hostd
done_testing

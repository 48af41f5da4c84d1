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
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web reconnect begin -
	end_holder
}

# A process that is another one's is none of web's, and web's may hold what it likes.
check_stranger() {
	hold_tap tap9 00000000-0000-0000-0000-000000000099
	be_qemu
	check_soon 30 "a tap of unknown owner is closed" unclaimed_are tap9
	check "... a process of another UUID is not web's" state_is enforce
	end_holder
	check_soon 30 "..." unclaimed_are ""
}

mkdir -p /etc/vmseg/policies /run/libvirt/qemu
add_bridge br0 "$HOST/24"
add_guest web vnet0 11
write_good_policy
start_hostd 'libvirt-uri = none'
describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 | hook web start begin -
check_new
check_old
check_named
check_stranger
stop web 11
stop_hostd
done_testing

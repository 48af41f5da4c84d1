#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A daemon that cannot go on with the maps that it finds makes new ones. Until a port is taken over
# its old programs and maps filter; sessions are picked up. All of it without libvirt's help.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/probe.sh"

SETTINGS=/sys/fs/bpf/vmseg/maps/settings_map

# The number that says which layout the pinned maps have becomes another one.
change_abi() {
	local value
	value=$(bpftool -j map lookup pinned "$SETTINGS" key 0 0 0 0 |
		jq -r '(.value // .[0].value)[1:] | join(" ")')
	# shellcheck disable=SC2086 # bytes
	bpftool map update pinned "$SETTINGS" key 0 0 0 0 value 0x77 $value
}

upgrade() {
	stop_hostd
	change_abi
	start_hostd
}

# picked_up NAME: sessions of the held connections that began in the middle of the connection.
picked_up() {
	vmseg sessions "$1" --json |
		jq '[.sessions[] | select(.protocol == "tcp" and .picked_up)] | length'
}

adopted() {
	vmseg status --json | jq .datapath.adopted
}

# check_goes_on DESCRIPTION: every connection of client to web is answered, on and on.
check_goes_on() {
	local before
	before=$(hold_now client 7000 echoes)
	check_soon 60 "$1" echoes_beyond client 7000 $((before + 30))
	check_soon 30 "... and not one is lost" holds client 7000 alive 4
}

check_another_abi() {
	local links
	links=$(show_port web '"\(.link_id.in) \(.link_id.out)"')
	through "an upgrade to another ABI" $WEB lossless upgrade
	check_equal "... on new maps" false "$(adopted)"
	check_equal "... by the links that there were" "$links" \
		"$(show_port web '"\(.link_id.in) \(.link_id.out)"')"
	check_goes_on "... connections go on"
	check_equal "... having been picked up" "4 4" "$(picked_up web) $(picked_up client)"
	check "... and counted" [ "$(counter web in picked-up)" -ge 1 ]
}

lose_maps() {
	stop_hostd KILL
	rm -r /sys/fs/bpf/vmseg/maps
	start_hostd
}

damage_maps() {
	stop_hostd KILL
	rm /sys/fs/bpf/vmseg/maps/session_map
	bpftool map create /sys/fs/bpf/vmseg/maps/session_map type hash key 4 value 4 entries 1 \
		name foreign
	start_hostd
}

check_lost_maps() {
	through "a start without the pins that there were" $WEB lossless lose_maps
	check_goes_on "... connections go on"
	through "a start with a pin that is somebody else's" $WEB lossless damage_maps
	check_goes_on "... connections go on"
	check_contains "... and the log says so" "creates new maps" "$(<"$LAB/hostd.log")"
}

# What the policy files ask for now cannot be had: what was in force before goes on.
upgrade_with_bad_policy() {
	sed -i 's/port="7000"/port="70000"/' /etc/vmseg/policies/web-server.xml
	upgrade
}

check_bad_policy() {
	through "an upgrade with a policy that is bad now" $WEB lossless upgrade_with_bad_policy
	check_equal "... leaves the port to the old programs" "$WEB_IFINDEX null" \
		"$(show_port web '"\(.ifindex) \(.slot)"')"
	check_equal "... and is shown" stale "$(vmseg list --json |
		jq -r '.domains[] | select(.name == "web").state')"
	through "a restart meanwhile" $WEB lossless restart_hostd
	check_equal "... changes nothing of that" null "$(show_port web .slot)"
	install_policies
	through "the reload of a good one" $WEB lossless vmseg reload
	check_goes_on "... connections go on"
	check_equal "... and the port is taken over" "true true" \
		"$(show_port web '"\(.hooked.in) \(.hooked.out)"')"
}

restart_hostd() {
	stop_hostd KILL
	start_hostd
}

# With the file system of the pins everything goes that is in it, and the guests are open; the next
# daemon does not wait for libvirt to tell it who was filtered.
check_lost_bpffs() {
	stop_hostd
	umount --lazy /sys/fs/bpf
	check_contains "without a BPF file system the daemon says what to do" "mount -t bpf" \
		"$("$BUILD/vmseg-hostd" 2>&1)"
	mount -t bpf bpf /sys/fs/bpf
	start_hostd
	through "ports whose pins and programs are gone are filtered again" $WEB lossless true
	check_goes_on "... connections go on"
}

# kill_at CALL: a daemon that is killed at its CALL-th bpf() call.
kill_at() {
	local status=0
	strace -qq -o /dev/null -e trace=bpf -e inject=bpf:signal=KILL:when="$1" \
		"$BUILD/vmseg-hostd" >>"$LAB/hostd.log" 2>&1 || status=$?
	[ $status -eq 137 ]
}

# From before the maps are pinned until both domains are taken over.
KILL_AT=$(seq 40 9 124)

kill_again_and_again() {
	local call
	stop_hostd
	for call in $KILL_AT; do
		[ ! -e "$SETTINGS" ] || change_abi
		kill_at "$call" || return
	done
	start_hostd
}

check_killed_anywhere() {
	through "upgrades that are killed in the middle" $WEB lossless kill_again_and_again
	check_goes_on "... connections go on"
	check_equal "... and every port is taken over" "true true" \
		"$(show_port web .hooked.in) $(show_port client .hooked.in)"
}

enter_lab "$@"
set_up
need strace
start_three
WEB_IFINDEX=$(show_port web .ifindex)
start_watch
start_hold client "$(vm_ip4 $WEB)" 7000 4
check_soon 30 "client holds 4 connections" holds client 7000 alive 4
stop_libvirtd
check_another_abi
check_killed_anywhere
check_lost_maps
check_bad_policy
check_lost_bpffs
done_testing

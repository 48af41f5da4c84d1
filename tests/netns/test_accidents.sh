#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Full disks, damaged files, a second daemon, and a daemon that is killed wherever it may be. Frames
# are sent to the guest all the while: what its policy forbids never arrives, and its sessions live.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

# What the probes are told of the guest: it has number 11, and answers on port 80.
vm_mac() {
	echo "52:54:00:00:00:$1"
}

vm_ip4() {
	echo "10.0.0.$1"
}

# shellcheck disable=SC2034 # for probe.sh
VM_BRIDGE=br0 VM_NET4=10.0.0
. "$(dirname "$0")/../harness/probe.sh"
PROBE_ALLOWED=80

enter_lab "$@"
need jq
need bpftool
need strace

STATE=/run/vmseg/domains

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	start_watch "$LAB/probes" -b br
	add_guest web vnet0 11
	write_good_policy
	sed 's/<tcp port="80"\/>/&<udp port="80"\/>/' /etc/vmseg/policies/web-server.xml >"$LAB/policy.xml"
	write_policy web-server <"$LAB/policy.xml"
	start_hostd 'libvirt-uri = none' 'log-events = off'
	check "web starts" start_web
	"$TOOLS/hold" "$WEB" 80 3 >"$LAB/hold" &
	check_soon 30 "connections to it are open" holds 3
}

start_web() {
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web "${1:-start}" begin -
}

holds() {
	[ "$(tail -n 1 "$LAB/hold" | sed -n 's/.*alive=\([0-9]*\) waiting=\([0-9]*\).*/\1/p')" = "$1" ]
}

identity() {
	show_port web '[.slot, .generation, .link_id.in, .link_id.out, .session_map_id] | join(" ")'
}

unclaimed() {
	vmseg status --json | jq -r '[.unclaimed[].device] | join(" ")'
}

restart_hostd() {
	stop_hostd KILL
	start_hostd
}

# check_lives: the port that there was, with the connections that are open.
check_lives() {
	check_equal "... the port is the same" "$1" "$(identity)"
	check_soon 30 "... with its connections" holds 3
}

# ---- a full disk ------------------------------------------------------------------------------

# fill DIRECTORY: a small file system in its place, with what was in it and no room for more.
fill() {
	mkdir -p "$LAB/copy" "$1"
	cp -a "$1/." "$LAB/copy"
	mount -t tmpfs -o size=64k,mode=755 tmpfs "$1"
	cp -a "$LAB/copy/." "$1"
	rm -r "$LAB/copy"
	cat /dev/zero >"$1/filler" 2>/dev/null || true
}

start_when_full() {
	stop_hostd
	rm /run/vmseg/lock
	fill /run/vmseg
	start_hostd
}

start_admin() {
	describe admin 12 "$(managed 12 '')" vnet1 | hook admin start begin -
}

check_full_run() {
	local before
	before=$(identity)
	through "the daemon starts with /run full" 11 lossless start_when_full
	check_lives "$before"
	add_guest admin vnet1 12
	check "a domain starts, too" start_admin
	check_contains "... though its state cannot be written" "the state file of admin cannot be" \
		"$(<"$LAB/hostd.log")"
	check_equal "... and it leaves no half of a file" "" "$(find $STATE -name '*.new')"
	through "... and when the daemon is killed" 11 lossless restart_hostd
	check_lives "$before"
	check_equal "... the port that nobody wrote down is nobody's" vnet1 "$(unclaimed)"
	check_equal "... and filtered: silence" silence "$(ask_admin)"
	check "... until libvirt tells whose it is" start_admin
	check_equal "... for good" "" "$(unclaimed)"
	stop admin 12
	ip link del vnet1
	ip netns del admin
	stop_hostd
	umount /run/vmseg
	start_hostd
	check_lives "$before"
}

ask_admin() {
	"$TOOLS/ask" -w 1 tcp 10.0.0.12 22 || true
}

check_full_state() {
	ip link add stray0 type veth peer name stray1
	fill /var/lib/vmseg
	check_contains "with /var/lib full a port that is to be kept is refused" "o space left" \
		"$(vmseg port attach stray0 --mac 52:54:00:00:00:77 --policy web-server 2>&1)"
	check_equal "... and nothing is left on it" 1 "$(ports_used)"
	umount /var/lib/vmseg
	ip link del stray0
}

# ---- damaged files ----------------------------------------------------------------------------

damage_state() {
	stop_hostd
	truncate -s 40 "$STATE"/*.json
	echo '{"version": 99}' >"$STATE/11111111-1111-1111-1111-111111111111.json"
	head -c 100 /dev/urandom >"$STATE/noise.json"
	mkdir "$STATE/directory.json"
	start_hostd
}

check_damaged_state() {
	local before
	before=$(identity)
	through "the daemon starts with damaged state files" 11 lossless damage_state
	check_equal "... the port is nobody's" vnet0 "$(unclaimed)"
	through "... until libvirt tells whose it is" 11 lossless start_web reconnect
	# What runs already may be picked up in the middle: that makes a new record.
	check_equal "... the port is the same" "$(cut -d ' ' -f 1,3- <<<"$before")" \
		"$(identity | cut -d ' ' -f 1,3-)"
	check_soon 30 "... with its connections" holds 3
	check_equal "... every file that was damaged is a problem that is said" 4 "$(bad_files)"
	rm -r "$STATE"/*.json.bad
	check_equal "... until it is removed" 0 "$(bad_files)"
}

# State files that the daemon has set aside, as it tells.
bad_files() {
	vmseg status --json | jq '[.problems[] | select(.error | test("\\.json\\.bad: "))] | length'
}

# The programs go with their links, and the guest is open: until the next daemon answers, no longer.
check_lost_links() {
	local before
	before=$(show_port web '[.slot, .generation, .session_map_id] | join(" ")')
	stop_hostd
	rm -r /sys/fs/bpf/vmseg/links
	start_hostd
	through "the daemon starts without the links that there were" 11 lossless true
	check_equal "... the rest of the port is the same" "$before" \
		"$(show_port web '[.slot, .generation, .session_map_id] | join(" ")')"
	check_soon 30 "... with its connections" holds 3
}

# ---- two daemons ------------------------------------------------------------------------------

check_second() {
	local before
	before=$(identity)
	check_contains "a second daemon is refused" "another vmseg-hostd uses this directory" \
		"$("$BUILD/vmseg-hostd" 2>&1)"
	mkdir -p "$LAB_RUN/second"
	printf '%s\n' 'libvirt-uri = none' "run-directory = $LAB_RUN/second" >"$LAB/second.conf"
	check_contains "... by the pins, where it has a run directory of its own" "in use by another" \
		"$("$BUILD/vmseg-hostd" --config "$LAB/second.conf" 2>&1)"
	check_lives "$before"
	check_equal "... and the first one answers" 1 "$(ports_used)"
}

# ---- a daemon that is killed -------------------------------------------------------------------

# The daemon's own chores may have made the call already: then it is killed before it is seen traced.
traced_or_gone() {
	[ ! -e "/proc/$hostd_pid" ] ||
		grep -qE "^TracerPid:[[:space:]]*$1|^State:[[:space:]]*Z" "/proc/$hostd_pid/status"
}

# kill_during CALL COMMAND...: the daemon is killed at its CALL-th bpf() call from now. The command
# has it make them. Then the next daemon starts.
kill_during() {
	local call=$1 tracer
	shift
	strace -f -qq -o "$LAB/strace" -e trace=bpf -e inject=bpf:signal=KILL:when="$call" \
		-p "$hostd_pid" 2>/dev/null &
	tracer=$!
	wait_for 20 traced_or_gone "$tracer"
	"$@" >/dev/null 2>&1 || true
	# A command that makes fewer calls has the daemon live on.
	if kill -KILL "$hostd_pid" 2>/dev/null; then
		survived=$((survived + 1))
	fi
	wait "$hostd_pid" "$tracer" || true
	start_hostd
}

# Its policy allows one port more or less, and another number of sessions.
change_policy() {
	variant=$((variant + 1))
	sed "s/<tcp port=\"80\"\/>/&<tcp port=\"$((8000 + variant))\"\/>/
		s/<rule id=\"http\"/<limits sessions=\"$((2000 + variant))\"\/>&/" "$LAB/policy.xml" |
		write_policy web-server
	vmseg reload
}

# count_calls COMMAND...: sets `calls`, how many bpf() calls the daemon makes for it.
count_calls() {
	local tracer
	strace -f -qq -o "$LAB/calls" -e trace=bpf -p "$hostd_pid" 2>/dev/null &
	tracer=$!
	wait_for 20 traced_or_gone "$tracer"
	"$@" >/dev/null 2>&1
	kill -TERM "$tracer"
	wait "$tracer" || true
	calls=$(grep -c ' bpf(' "$LAB/calls")
}

# spread COUNT LAST: so many numbers from 1 to LAST, in equal steps.
spread() {
	local i
	for ((i = 0; i < $1; i++)); do
		echo $((1 + ($2 - 1) * i / ($1 - 1)))
	done
}

survived=0 variant=0

kill_changes() {
	local call calls
	count_calls change_policy
	for call in $(spread 9 "$calls"); do
		kill_during "$call" change_policy
	done
}

# admin starts and is gone again, as libvirt has it when the hook fails.
start_and_stop_admin() {
	start_admin
	stop admin 12
}

kill_starts() {
	local call calls
	ip link add vnet1 type veth peer name admin1
	count_calls start_and_stop_admin
	ip link del vnet1
	for call in $(spread 11 "$calls"); do
		ip link add vnet1 type veth peer name admin1
		kill_during "$call" start_and_stop_admin
		stop admin 12
		ip link del vnet1
	done
}

check_killed() {
	local status=0
	through "the daemon is killed while policies change" 11 lossless kill_changes
	check_soon 30 "... connections live on" holds 3
	check "... in most cases really" [ "$survived" -le 4 ]
	change_policy >"$LAB/changed" 2>&1 || status=$?
	report "$status" "... the next policy is taken" "$(<"$LAB/changed")"
	check_equal "... and is in force" "pass new" "$(vmseg explain web in tcp 10.0.0.1:40000 \
		":$((8000 + variant))" --json | jq -r '"\(.verdict) \(.reason)"')"
	survived=0
	through "the daemon is killed while domains start and end" 11 lossless kill_starts
	check_soon 30 "... connections live on" holds 3
	check "... in most cases really" [ "$survived" -le 4 ]
	check_soon 10 "... and nothing of the others is left" nothing_is_left
}

# One port, with its two links, one session table beside the barrier's, and the domain's state file.
nothing_is_left() {
	ls /sys/fs/bpf/vmseg/links $STATE
	[ "$(ports_used) $(unclaimed)" = "1 " ] &&
		[ "$(find /sys/fs/bpf/vmseg/links -type f | wc -l)" -eq 2 ] &&
		[ "$(find $STATE -name '*.json*' | wc -l)" -eq 1 ]
}

set_up
check_full_run
check_full_state
check_damaged_state
check_lost_links
check_second
check_killed
done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A hostile guest, and hostile neighbors: every frame of tests/harness/hostile_frames.py is stopped
# and counted under the right reason, and does not arrive on the other side, while transfers of the
# same VM go on and finish unharmed.

set -euo pipefail
. "$(dirname "$0")/stacks.sh"

enter_lab "$@"
need /usr/bin/python3 python3
/usr/bin/python3 -c 'import scapy' 2>/dev/null || die "scapy is missing: install python3-scapy"

FRAMES=$LAB/frames
MARK=HSTL

# Namespaces by the direction of what is sent, from the VM's point of view.
declare -A SENDER=([out]=vm [in]=intruder) WATCHER=([out]=peer [in]=vm)

# ---- transfers that must survive -----------------------------------------------------------

declare -A transfers=()

# start_transfer NAME ADDRESS: from port 20000 of the VM, to the end of the script's cases.
start_transfer() {
	ip netns exec vm "$TOP/tests/harness/sockets.py" slow "$2" 7000 20000 >"$LAB/$1.out" 2>&1 &
	transfers[$1]=$!
	wait_for 10 grep -q open "$LAB/$1.out" || die "no connection to $2: see $LAB/$1.out"
}

check_transfers_go_on() {
	local name
	for name in "${!transfers[@]}"; do
		check "$1 the $name transfer goes on" kill -0 "${transfers[$name]}"
	done
}

check_transfers_finish() {
	local name status
	for name in "${!transfers[@]}"; do
		kill -TERM "${transfers[$name]}"
		status=0
		wait "${transfers[$name]}" || status=$?
		report $status "the $name transfer finishes, every byte as it was sent" \
			"$(<"$LAB/$name.out")"
	done
}

# ---- frames --------------------------------------------------------------------------------

# numbers FAMILY: sequence and acknowledgment number of peer in its connection with the VM.
numbers() {
	in_ns vm "$TOP/tests/harness/wire.py" numbers eth0 7000 "$1"
}

make_frames() {
	local sequence4 sequence6
	mkdir "$FRAMES"
	sequence4=$(numbers 4) sequence6=$(numbers 6)
	# shellcheck disable=SC2086 # two numbers each
	"$TOP/tests/harness/hostile_frames.py" "$FRAMES" $sequence4 $sequence6 >"$FRAMES/list"
}

send_frames() {
	in_ns "${SENDER[$1]}" "$TOP/tests/harness/wire.py" send eth0 "$FRAMES/$1.$2.pcap" \
		>>"$LAB/sent.log"
}

start_watchers() {
	local direction
	for direction in out in; do
		in_ns "${WATCHER[$direction]}" "$TOP/tests/harness/wire.py" watch eth0 $MARK \
			>"$LAB/$direction.seen" 2>&1 &
		wait_for 10 grep -q watching "$LAB/$direction.seen"
	done
}

# seen DIRECTION NAME: how many frames of that name arrived.
seen() {
	grep -c "^$2 " "$LAB/$1.seen" || true
}

# Frames arrive in order: when an honest one has, all before it have, or never will.
check_honest_arrives() {
	local before
	before=$(seen "$1" honest)
	send_frames "$1" honest
	check_soon 5 "an honest frame arrives ($1)" more_seen "$1" honest "$before"
}

more_seen() {
	[ "$(seen "$1" "$2")" -gt "$3" ]
}

# ---- one frame at a time -------------------------------------------------------------------

# counted DIRECTION REASON N: exactly so many packets.
counted() {
	[ "$(counter vm "$1" "$2")" -eq "$3" ]
}

check_stopped() {
	local kind direction name reason count before
	while read -r kind direction name reason count <&3; do
		[ "$kind" = stopped ] || continue
		before=$(counter vm "$direction" "$reason")
		send_frames "$direction" "$name"
		check_soon 5 "$direction $name: $count frames stopped as $reason" \
			counted "$direction" "$reason" $((before + count))
	done 3<"$FRAMES/list"
	for direction in out in; do
		check_honest_arrives "$direction"
		check_equal "nothing else of all this arrives ($direction)" "" \
			"$(grep -vE '^(watching|honest )' "$LAB/$direction.seen" | head -n 5)"
	done
	check_contains "of what is stopped before its addresses are read the event has the sender" \
		"denied out guard-mac ethertype 0x0800 from " "$(grep ' guard-mac ' "$LAB/events")"
	check_transfers_go_on "beside all this"
}

# ---- floods --------------------------------------------------------------------------------

# check_flood NAME LIMITS MOST: with these limits, not more than so many frames of the flood pass.
check_flood() {
	local kind direction name reason count before passed
	read -r kind direction name reason count < <(grep "^flood [a-z]* $1 " "$FRAMES/list")
	write_stacks_policy "$2"
	check "limits ($2) are put on a port in use" vmseg reload
	before=$(counter vm "$direction" "$reason")
	send_frames "$direction" "$name"
	write_stacks_policy
	check_soon 5 "$name: every frame passes or is stopped as $reason" \
		all_known "$direction" "$name" "$reason" "$before" "$count"
	passed=$(seen "$direction" "$name")
	check "$name: some pass, but no more than the limit: $passed of $count" \
		[ "$passed" -gt 0 -a "$passed" -le "$3" ]
	check_transfers_go_on "beside $name"
}

# all_known DIRECTION NAME REASON BEFORE COUNT
all_known() {
	[ $(($(counter vm "$1" "$3") - $4 + $(seen "$1" "$2"))) -eq "$5" ]
}

check_floods() {
	check_flood flood-udp "sessions='60'" 60
	check_flood flood-one-remote "sessions='20000' sessions-per-remote='30'" 30
	check_flood flood-syn "sessions='20000' half-open='40'" 40
	# How many are in time depends on how long the flood takes, so the limit is all but one.
	check_flood flood-udp-fast "sessions='20000' session-rate='5' session-burst='20'" 399
	vmseg reload >/dev/null
	check_equal "when it is over a new connection is made at once" "transferred 100000" \
		"$(sockets vm transfer "$PEER4" 7000 100000 2>&1)"
}

set_up_stacks
set_vm_addresses
start_sockets peer echo 7000
start_sockets vm echo 7000
start_transfer IPv4 "$PEER4"
start_transfer IPv6 "$PEER6"
make_frames
start_watchers
vmseg monitor >"$LAB/events" 2>&1 &
check_stopped
check_floods
check_transfers_finish
done_testing

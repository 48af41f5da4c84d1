#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Policies that are applied by the command again and again, under the traffic of real stacks: what
# they all allow loses nothing, and what the last one forbids does not pass once it is applied.

set -euo pipefail
. "$(dirname "$0")/guests.sh"
. "$(dirname "$0")/../harness/probe.sh"

enter_lab "$@"
need jq

SWAPS=1000
EVERY=40 # even: of how many swaps to each policy one is followed by probes
FRAMES=20
SOCKETS=$TOP/tests/harness/sockets.py
PORT_ALLOWED=7000 PORT_BY_TURNS=7001

# What probe.sh calls VMs are the guests here.
# shellcheck disable=SC2034 # for probe.sh
VM_BRIDGE=br0 VM_NET4=10.0.0

vm_mac() {
	printf '52:54:00:00:00:%s' "$1"
}

vm_ip4() {
	printf '10.0.0.%s' "$1"
}

# write_draft NAME PORT: a policy that allows PORT, too.
write_draft() {
	cat >"$LAB/$1" <<-XML
		<policy xmlns="urn:vmseg:1" name="web-server">
		  <default in="deny" out="deny"/>
		  <limits sessions="20000"/>
		  <rule id="$1" direction="in" action="allow"><udp port="$2"/></rule>
		  <rule id="traffic" direction="in" action="allow">
		    <tcp port="$PORT_ALLOWED"/><udp port="$PORT_ALLOWED"/>
		  </rule>
		</policy>
	XML
}

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	write_draft lenient $PORT_BY_TURNS
	write_draft strict 9
	cp "$LAB/lenient" /etc/vmseg/policies/web-server.xml
	start_hostd "libvirt-uri = none" "log-events = off"
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web start begin -
	ip netns exec web "$SOCKETS" echo $PORT_ALLOWED >"$LAB/echo" &
	wait_for 10 grep -q listening "$LAB/echo" || die "the guest does not listen"
}

# ---- what runs through all swaps -------------------------------------------------------------

# Transfers one after the other: connections that are opened in the midst. They are short, because
# watch_frames sees every packet of theirs, too.
transfer_on() {
	while [ ! -e "$LAB/enough" ]; do
		"$SOCKETS" transfer "$WEB" $PORT_ALLOWED 300000 || break
	done
}

start_traffic() {
	start_watch "$LAB/probes" -b br0
	probe_into allowed 11 $PORT_ALLOWED
	"$SOCKETS" slow "$WEB" $PORT_ALLOWED 0 >"$LAB/slow" 2>&1 &
	slow_pid=$!
	transfer_on >"$LAB/transfers" 2>&1 &
	transfer_pid=$!
	wait_for 10 grep -q open "$LAB/slow" || die "no connection: see $LAB/slow"
	await_probes allowed in 20
}

stop_traffic() {
	local status=0
	: >"$LAB/enough"
	kill -TERM "$slow_pid"
	wait "$slow_pid" || status=$?
	wait "$transfer_pid" || true
	check_equal "the connection that was open all the while ends well" 0 "$status"
	check "with every number echoed" grep -qE 'finished after [0-9]+ chunks' "$LAB/slow"
	check "whole transfers were made" grep -q transferred "$LAB/transfers"
	check_equal "and none failed" "" "$(grep -v '^transferred' "$LAB/transfers")"
	stop_probe allowed
	check_none_lost "no frame of what both policies allow was lost" allowed in
}

# ---- swaps -----------------------------------------------------------------------------------

# send_by_turns NAME: some frames of the flow that only the lenient policy allows.
send_by_turns() {
	"$TOOLS/send_frame" -n $FRAMES -i 1 -k -l 30000 -c "$1" -p $PORT_BY_TURNS -t "$(vm_mac 11)" \
		br0 udp "$HOST" "$WEB"
}

swap_and_probe() {
	local i policy
	for ((i = 1; i <= SWAPS; i++)); do
		policy=$([ $((i % 2)) -eq 1 ] && echo strict || echo lenient)
		vmseg policy apply "$LAB/$policy" >"$LAB/applied" || return 1
		case $((i % EVERY)) in
		0) send_by_turns "open-$((i / EVERY))" ;;
		1) send_by_turns "shut-$((i / EVERY))" ;;
		esac
	done
}

# sum_of KIND FIELD: what the probes of a kind have come to, all of them together.
sum_of() {
	awk -v "kind=^$1-" -v "field=$2=" '$1 ~ kind {
		for (i = 2; i <= NF; i++)
			if (index($i, field) == 1)
				sum += substr($i, length(field) + 1)
	} END { print sum + 0 }' "$PROBE_COUNTS"
}

all_tried() {
	[ "$(sum_of "$1" tried)" -eq $((SWAPS * FRAMES / EVERY)) ]
}

check_swaps() {
	check "every policy is applied" swap_and_probe
	check_soon 20 "the probes after it were seen" all_tried open
	check_soon 20 "of the strict policy, too" all_tried shut
	check_equal "what it allows again has passed" "$(sum_of open tried)" "$(sum_of open in)"
	check_equal "what it forbids has not" 0 "$(sum_of shut in)"
	check_equal "no frame was overlooked" 0 "$(probes_missed)"
}

# Everything else is a fault: what is dropped, by which reason, beside what was to be.
check_reasons() {
	check_equal "nothing else was dropped" "" "$(show_port web '.counters[] | select(.verdict == "drop" and
		(.reason | IN("policy", "revoked") | not)) | "\(.direction) \(.reason) \(.packets)"')"
	check "sessions were cut" test "$(counter web in revoked)" -gt 0
}

set_up
start_traffic
check_swaps
stop_traffic
check_reasons
done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A guest leaves checksums to the receiver's device, and says where they are to be written. What
# vmseg has read of a packet is what the receiver gets.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq /usr/bin/python3 python3

ARRIVED=$LAB/arrived

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	write_policy pages <<-'XML'
		<policy xmlns="urn:vmseg:1" name="pages">
		  <default in="deny" out="deny"/>
		  <rule id="in" direction="in" action="allow"><tcp port="80"/><udp port="80"/></rule>
		  <rule id="out" direction="out" action="allow"><tcp port="80"/><udp port="80"/></rule>
		</policy>
	XML
	start_hostd 'libvirt-uri = none'
	ip tuntap add tap1 mode tap vnet_hdr
	ip tuntap add tap2 mode tap
	ip link set tap1 master br0 up
	ip link set tap2 master br0 up
}

# start_guest NAME NUMBER DEVICE
start_guest() {
	describe "$1" "$2" "$(managed "$2" "<vmseg:policy ref='pages'/>" |
		sed "s,<vmseg:address,<vmseg:address ip='fd00::$2'/>&,")" "$3" | hook "$1" start begin -
}

send_all() {
	local sender
	mkfifo "$LAB/begin"
	"$TOP/tests/harness/offloaded_checksums.py" tap1 tap2 52:54:00:00:00:21 52:54:00:00:00:22 \
		<"$LAB/begin" >"$ARRIVED" 2>&1 &
	sender=$!
	exec 7>"$LAB/begin"
	wait_for 10 grep -q open "$ARRIVED" || die "no taps: $(<"$ARRIVED")"
	start_guest web 21 tap1
	start_guest db 22 tap2
	echo >&7
	wait "$sender" || die "$(<"$ARRIVED")"
}

# check_arrived CASE WANTED TEXT
check_arrived() {
	check_equal "$3" "$1 $2" "$(grep "^$1 " "$ARRIVED")"
}

dropped() {
	vmseg show "$1" --json | jq '[.ports[].counters[] |
		select(.direction == "out" and .reason == "bad-header").packets] | add // 0'
}

set_up
send_all

check_arrived udp4 "10.0.0.21 80" "a packet with its checksum passes"
check_arrived udp6 "fd00::21 80" "... over IPv6"
check_arrived udp4-denied nothing "another port is denied"
check_arrived udp4-forged nothing "another sender is"
check_arrived udp4-own-checksum "10.0.0.21 80" "the UDP checksum may be left to the device"
check_arrived udp6-own-checksum "fd00::21 80" "... over IPv6"
check_arrived tcp4-own-checksum "10.0.0.21 80" "... that of TCP, too"
check_arrived udp4-in-payload "10.0.0.21 80" "... and one inside the payload, as tunnels have it"
check_arrived udp4-port nothing "a checksum that becomes the destination port is dropped"
check_arrived udp6-port nothing "... over IPv6"
check_arrived tcp4-port nothing "... over TCP"
check_arrived udp6-address nothing "... one that becomes the sender's address"
check_arrived arp 10.0.0.21 "ARP passes"
check_arrived arp-address nothing "... but not with a checksum to be written"
check_equal "each has the reason bad-header" 5 "$(dropped web)"

done_testing

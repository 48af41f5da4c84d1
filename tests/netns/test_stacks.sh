#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real stacks agree: what Linux hosts and common programs send each other passes a port under a
# policy that allows it, with the default guards, and is counted for what it is. At the end nothing
# must have been dropped for any reason but the policy.

set -euo pipefail
. "$(dirname "$0")/stacks.sh"

enter_lab "$@"
need dnsmasq dnsmasq-base
need tracepath iputils-tracepath
need traceroute
need ping iputils-ping
need /usr/bin/python3 python3
need busybox busybox-static

# check_grows DESCRIPTION DIRECTION REASON BEFORE
check_grows() {
	check_soon 5 "$1" grows "$2" "$3" "$4"
}

# ---- a host comes up --------------------------------------------------------------------------

start_router_services() {
	in_ns router dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= \
		--port=0 --interface=eth0 --bind-interfaces --leasefile-ro --log-facility=- \
		--dhcp-range=10.0.0.100,10.0.0.110,1h --dhcp-host="$VM_MAC,$VM4" \
		--dhcp-range=fd00::,ra-only --enable-ra >"$LAB/dnsmasq.log" 2>&1 &
}

# udhcpc's way to say what it was given.
write_lease_script() {
	cat >"$LAB/lease" <<-'SH'
		#!/bin/sh
		[ "$1" = bound ] && ip address add "$ip/24" dev "$interface" &&
			ip route add default via "$router"
		exit 0
	SH
	chmod +x "$LAB/lease"
}

check_dhcp() {
	write_lease_script
	check "udhcpc gets a lease, with no rule for DHCP" in_ns vm busybox udhcpc -f -n -q -t 10 \
		-T 1 -i eth0 -s "$LAB/lease"
	check_contains "it is the VM's address" "$VM4/24" "$(ip -netns vm -4 address show dev eth0)"
	check_contains "with the router" "via $ROUTER4" "$(ip -netns vm route show default)"
	check "the answers were counted as related" grows in related 0
	check "with it the VM reaches the router" in_ns vm ping -c 1 -W $LEAST_PATIENCE "$ROUTER4"
}

check_slaac() {
	check_soon 20 "the VM makes its address from an advertisement, and nobody else has it" \
		has_address "$VM6_SLAAC"
	check "with it the VM reaches the router" in_ns vm ping -c 1 -W $LEAST_PATIENCE -I "$VM6_SLAAC" "$ROUTER6"
	check_contains "which is its default router" "via fe80::" \
		"$(ip -netns vm -6 route show default)"
	check "neighbor discovery is counted both ways" \
		eval 'grows in neighbor-discovery 0 && grows out neighbor-discovery 0'
}

# has_address ADDRESS: usable, on the VM's NIC.
has_address() {
	ip -netns vm -6 address show dev eth0 -tentative | grep -q " $1/"
}

# DAD's probe goes out from ::, and its answer comes in.
check_address_conflict() {
	ip -netns peer address add "$VM6_SPARE/64" dev eth0
	ip -netns vm address add "$VM6_SPARE/64" dev eth0
	check_soon 10 "an address that a neighbor has is not taken" address_failed "$VM6_SPARE"
	ip -netns vm address del "$VM6_SPARE/64" dev eth0
	ip -netns peer address del "$VM6_SPARE/64" dev eth0
}

address_failed() {
	ip -netns vm -6 address show dev eth0 dadfailed | grep -q " $1/"
}

# The VM's NIC comes up as a host's does that has no configuration.
configure_itself() {
	ip -netns vm link set eth0 down
	in_ns vm sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad
		echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
	ip -netns vm link set eth0 up
}

# From here on addresses do not change.
settle_addresses() {
	in_ns vm sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra
		echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
	ip -netns vm address flush dev eth0 scope global
	ip -netns vm route flush default
	ip -netns vm -6 route flush default
	set_vm_addresses
}

# ---- throughput -------------------------------------------------------------------------------

# check_iperf FROM TO ADDRESS OPTION...: both directions at once carry data.
check_iperf() {
	local from=$1 to=$2 address=$3 output
	shift 3
	in_ns "$to" iperf3 --server --one-off >"$LAB/iperf-server.log" 2>&1 &
	local server=$!
	wait_for 10 listens "$to" 5201
	output=$(in_ns "$from" iperf3 --client "$address" --time 1 --bidir --json "$@" 2>/dev/null) || true
	wait $server || true
	check_equal "iperf3 ${*:-tcp} from $from to $address, both ways" "true true" \
		"$(jq -r '"\(.end.sum_received.bytes > 100000) \(.end.sum_received_bidir_reverse.bytes > 100000)"' \
			<<<"$output" 2>&1)"
}

check_throughput() {
	local before
	check_iperf vm peer "$PEER4"
	check_iperf peer vm "$VM4"
	check_iperf vm peer "$PEER6"
	check_iperf peer vm "$VM6"
	check_iperf vm peer "$PEER4" --udp --bitrate 20M
	check_iperf peer vm "$VM6" --udp --bitrate 20M
	before=$(counter vm in fragment-follows)
	check_iperf peer vm "$VM4" --udp --bitrate 20M --length 4000
	check_iperf vm peer "$PEER6" --udp --bitrate 20M --length 4000
	check_grows "datagrams in fragments are followed" in fragment-follows "$before"
}

# ---- ICMP -------------------------------------------------------------------------------------

check_ping() {
	local before_in before_out ip
	before_in=$(counter vm in fragment-follows) before_out=$(counter vm out fragment-follows)
	for ip in "$PEER4" "$PEER6"; do
		check "ping of 4000 bytes from vm to $ip" in_ns vm ping -c 3 -i 0.2 -W $LEAST_PATIENCE -s 4000 "$ip"
	done
	for ip in "$VM4" "$VM6"; do
		check "ping of 4000 bytes from peer to $ip" in_ns peer ping -c 3 -i 0.2 -W $LEAST_PATIENCE -s 4000 "$ip"
	done
	# 12 datagrams each way, of three fragments: two follow the first.
	check_equal "every fragment is counted, in" 24 $(($(counter vm in fragment-follows) - before_in))
	check_equal "and out" 24 $(($(counter vm out fragment-follows) - before_out))
}

check_traceroute() {
	local before ip option
	for ip in "$FAR4" "$FAR6"; do
		for option in "" --icmp; do
			before=$(counter vm in related)
			check_equal "traceroute ${option:---udp} to $ip sees every hop" "3 $ip" \
				"$(in_ns vm traceroute $option -n -q 1 -w 30 "$ip" | awk 'END { print $1, $2 }')"
			check_grows "time exceeded is counted as related" in related "$before"
		done
	done
	for ip in "$VM4" "$VM6"; do
		before=$(counter vm out related)
		check_equal "traceroute from far to $ip ends at the VM" "3 $ip" \
			"$(in_ns far traceroute -n -q 1 -N 4 -w 30 "$ip" | awk 'END { print $1, $2 }')"
		check_grows "port unreachable is counted as related" out related "$before"
	done
}

check_path_mtu() {
	local ip before
	for ip in "$FAR4" "$FAR6"; do
		before=$(counter vm in related)
		check_equal "a transfer to $ip crosses the smaller MTU both ways" "transferred 400000" \
			"$(sockets vm transfer "$ip" 7000 400000 2>&1)"
		check_grows "that it is smaller is counted as related" in related "$before"
		check_contains "tracepath sees the same" "pmtu 1300" "$(in_ns vm tracepath -n -m 4 "$ip" 2>&1)"
	done
	for ip in "$VM4" "$VM6"; do
		check_equal "so does a transfer from far to $ip" "transferred 400000" \
			"$(sockets far transfer "$ip" 7000 400000 2>&1)"
	done
}

# ---- connections ------------------------------------------------------------------------------

check_idle() {
	check_equal "a connection that is idle within the timeout goes on" "still there" \
		"$(sockets vm idle "$PEER4" 7000 3 2>&1)"
	check_equal "from the other side too" "still there" "$(sockets peer idle "$VM6" 7000 3 2>&1)"
}

check_churn() {
	local server before
	before=$(counter vm out new)
	start_sockets peer churn-server 7002
	server=$started
	check_equal "2000 connections out, over 64 ports" "churned 2000" \
		"$(sockets vm churn "$PEER4" 7002 2000 2>&1)"
	check "each was a session" [ $(($(counter vm out new) - before)) -ge 2000 ]
	kill $server
	before=$(counter vm in new)
	start_sockets vm churn-server 7002
	server=$started
	check_equal "2000 connections in, over 64 ports" "churned 2000" \
		"$(sockets peer churn "$VM6" 7002 2000 2>&1)"
	check "each was a session" [ $(($(counter vm in new) - before)) -ge 2000 ]
	kill $server
}

# Both ends forget a connection, and it is opened again from the same port: the port's session of the
# old one must not stand in the way.
check_lost() {
	local ip
	for ip in "$PEER4" "$PEER6"; do
		check_equal "a connection to $ip that both ends have forgotten is opened again" \
			"connected again" "$(sockets vm lose peer "$ip" 7003 877 2>&1)"
	done
	for ip in "$VM4" "$VM6"; do
		check_equal "and one from peer to $ip" "connected again" \
			"$(sockets peer lose vm "$ip" 7002 877 2>&1)"
	done
}

# TCP in fragments: the sender lets routers cut its segments, so only the first fragment of each has
# a TCP header, and its length says nothing of the segment's. Comes before the hosts have learnt the
# path's MTU.
check_tcp_fragments() {
	local before name
	for name in vm far; do
		in_ns $name sh -c 'echo 1 >/proc/sys/net/ipv4/ip_no_pmtu_disc'
	done
	before=$(counter vm in fragment-follows)
	check_equal "a transfer from far crosses the smaller MTU in fragments, both ways" \
		"transferred 300000" "$(sockets far transfer "$VM4" 7000 300000 2>&1)"
	check_grows "the fragments are followed" in fragment-follows "$before"
	for name in vm far; do
		in_ns $name sh -c 'echo 0 >/proc/sys/net/ipv4/ip_no_pmtu_disc'
		# What they have learnt of the path meanwhile is not for the tests that follow.
		ip -netns $name route flush cache
	done
}

# ---- multicast --------------------------------------------------------------------------------

check_mdns() {
	local family how server before
	start_sockets peer mdns-answer printer.local
	server=$started
	for family in 4 6; do
		for how in group unicast legacy; do
			before=$(counter vm in related)
			check_contains "mDNS over IPv$family, answer to $how" "answered by" \
				"$(sockets vm mdns-ask $family printer.local $how 2>&1)"
			check "is counted as related" grows in related "$before"
		done
	done
	check_grows "joining the group is counted as multicast-control" out multicast-control 0
	kill $server
}

# Nothing that could be installed brings SCTP to a kernel without it; the programs' own tests send
# SCTP on every kernel.
check_sctp() {
	if ! grep -q '^SCTP ' /proc/net/protocols; then
		echo "# this kernel has no SCTP (CONFIG_IP_SCTP): not tried"
		return
	fi
	check_iperf vm peer "$PEER4" --sctp
}

# ---- the sum ----------------------------------------------------------------------------------

# What the port has dropped, but for what the policy says of uninvited packets: reason by reason.
list_drops() {
	show_port vm '(.counters // [])[] | select(.verdict == "drop" and .reason != "policy") |
		"\(.direction) \(.reason) \(.packets)"'
}

set_up_stacks "event-rate = 10000" "event-burst = 10000" "timeout-tcp-established = 10" "timeout-replied = 10" "timeout-unreplied = 10"
vmseg monitor --json >"$LAB/events" 2>&1 &
start_router_services
configure_itself
check_dhcp
check_slaac
check_address_conflict
settle_addresses
for name in vm peer far; do
	start_sockets $name echo 7000
done
check_ping
check_traceroute
check_tcp_fragments
check_path_mtu
check_throughput
check_idle
check_lost
check_churn
check_mdns
check_sctp
check_equal "in all of this nothing was dropped but by policy" "" "$(list_drops)"
done_testing

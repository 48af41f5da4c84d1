#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real guests' stacks agree: what two VMs, and hosts behind a router, send each other passes under a
# policy that allows it, with the default guards, and is counted for what it is. At the end nothing
# must have been dropped for any reason but the policy.

set -euo pipefail
. "$(dirname "$0")/../netns/stacks.sh"
. "$(dirname "$0")/common.sh"

# The network is that of stacks.sh, with VMs in the places of two of its namespaces.
VM=11 PEER=12
VM_NET4=10.0.0 VM_NET6=fd00::
vm_mac() {
	printf '52:54:00:00:00:%02d' "$1"
}

# Of what is transferred each way.
BYTES=3000000

# ---- the network --------------------------------------------------------------------------------

# A router in the VMs' bridge; behind it a smaller MTU, a hop, and far.
add_router() {
	add_netns router
	add_netns hop
	add_netns far
	ip link add to-router type veth peer name eth0 netns router
	ip link set to-router master "$VM_BRIDGE" up
	set_address router eth0 "$ROUTER4/24" "$ROUTER6/64"
	link router hop 1300 2
	link hop far 1500 3
	forwards router
	forwards hop
	route far 10.3.0.1 fd03::1
	route hop 10.2.0.1 fd02::1
	route router 10.2.0.2 fd02::2
}

# TFTP answers from its own port, so that it is one session.
start_router_services() {
	mkdir "$LAB/tftp"
	head -c $BYTES /dev/urandom >"$LAB/tftp/big"
	chmod -R a+rX "$LAB/tftp"
	in_ns router dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --pid-file= \
		--port=0 --interface=eth0 --bind-interfaces --leasefile-ro --log-facility=- \
		--dhcp-range=10.0.0.100,10.0.0.110,1h --dhcp-host="$(vm_mac $VM),$(vm_ip4 $VM)" \
		--dhcp-range=fd00::,ra-only --enable-ra \
		--enable-tftp --tftp-root="$LAB/tftp" --tftp-single-port >"$LAB/dnsmasq.log" 2>&1 &
}

# create_guest NAME N: with the policy of stacks.sh, and what SLAAC makes of its MAC.
create_guest() {
	create_vm "$1" "$2" "$(metadata "$2" '<policy ref="stacks"/>' |
		sed "s|</interface>|<address ip='$(slaac_ip6 "$2")'/>&|")"
}

slaac_ip6() {
	printf '%s5054:ff:fe00:%d' "$VM_NET6" "$1"
}

# ---- a guest comes up ---------------------------------------------------------------------------

# The guest's NIC comes up as a host's does that has no configuration.
configure_itself() {
	in_vm vm 'ip link set eth0 down
		ip address flush dev eth0
		echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_dad
		echo 1 >/proc/sys/net/ipv6/conf/eth0/accept_ra
		ip link set eth0 up'
}

# udhcpc's way to say what it was given.
write_lease_script() {
	# shellcheck disable=SC2016 # for the VM's shells
	in_vm vm 'cat >/lease <<-"SH"
		#!/bin/sh
		[ "$1" = bound ] && ip address add "$ip/24" dev "$interface" &&
			ip route add default via "$router"
		exit 0
	SH
	chmod +x /lease'
}

check_dhcp() {
	write_lease_script
	check "a guest gets a lease, with no rule for DHCP" \
		in_vm vm 'udhcpc -f -n -q -t 20 -T 1 -i eth0 -s /lease'
	check_contains "it is its address" "$(vm_ip4 $VM)/24" "$(in_vm vm ip -4 address show dev eth0)"
	check "the answers were counted as related" grows in related 0
	check "with it the guest reaches the router" pings vm "$ROUTER4"
}

check_slaac() {
	check_soon 30 "a guest makes its address from an advertisement, and nobody else has it" \
		has_address "$(slaac_ip6 $VM)"
	check "with it the guest reaches the router" pings vm "$ROUTER6"
	check "neighbor discovery is counted both ways" \
		eval 'grows in neighbor-discovery 0 && grows out neighbor-discovery 0'
}

# has_address ADDRESS: usable, on the guest's NIC.
has_address() {
	in_vm vm ip -6 address show dev eth0 | grep " $1/" | grep -v tentative
}

# From here on addresses do not change.
settle_addresses() {
	in_vm vm "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra
		echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
		ip address flush dev eth0 scope global
		ip address add $(vm_ip4 $VM)/24 dev eth0
		ip address add $(vm_ip6 $VM)/64 dev eth0"
	local name
	for name in vm peer; do
		in_vm $name "ip route add default via $ROUTER4
			ip -6 route del default 2>/dev/null
			ip -6 route add default via $ROUTER6"
	done
}

start_servers() {
	local name
	for name in vm peer; do
		in_vm $name "mkdir /www; head -c $BYTES /dev/urandom >/www/big; httpd -p 7001 -h /www
			echo_server 7000 5201 >/dev/null 2>&1 &"
	done
	start_sockets far echo 7000
}

# ---- transfers ----------------------------------------------------------------------------------

# check_download FROM TO ADDRESS: of a guest's file by the other.
check_download() {
	check_equal "tcp: $1 sends $BYTES bytes to $2 from $3" "$(in_vm "$1" 'md5sum </www/big')" \
		"$(in_vm "$2" "wget -q -O - 'http://$3:7001/big' | md5sum")"
}

check_transfers() {
	local ip
	for ip in "$(vm_ip4 $PEER)" "[$(vm_ip6 $PEER)]"; do
		check_download peer vm "$ip"
	done
	for ip in "$(vm_ip4 $VM)" "[$(vm_ip6 $VM)]"; do
		check_download vm peer "$ip"
	done
	check_equal "udp: $BYTES bytes come from $ROUTER6" "$(md5sum <"$LAB/tftp/big")" \
		"$(in_vm vm "tftp -g -b 1400 -r big -l - $ROUTER6 | md5sum")"
	for ip in "$(vm_ip4 $PEER)" "$(vm_ip6 $PEER)"; do
		check "udp: peer answers vm at $ip" answers vm udp "$ip" 5201
	done
	for ip in "$(vm_ip4 $VM)" "$(vm_ip6 $VM)"; do
		check "udp: vm answers peer at $ip" answers peer udp "$ip" 5201
	done
}

# ---- ICMP ---------------------------------------------------------------------------------------

check_ping() {
	local before_in before_out ip
	before_in=$(counter vm in fragment-follows) before_out=$(counter vm out fragment-follows)
	for ip in "$(vm_ip4 $PEER)" "$(vm_ip6 $PEER)"; do
		check "ping of 4000 bytes from vm to $ip" in_vm vm ping -c 3 -W 10 -s 4000 "$ip"
	done
	for ip in "$(vm_ip4 $VM)" "$(vm_ip6 $VM)"; do
		check "ping of 4000 bytes from peer to $ip" in_vm peer ping -c 3 -W 10 -s 4000 "$ip"
	done
	# 12 datagrams each way, of three fragments: two follow the first.
	check_equal "every fragment is counted, in" 24 $(($(counter vm in fragment-follows) - before_in))
	check_equal "and out" 24 $(($(counter vm out fragment-follows) - before_out))
}

check_traceroute() {
	local before ip
	for ip in "$FAR4" "$FAR6"; do
		before=$(counter vm in related)
		check_equal "traceroute to $ip sees every hop" "3 $ip" \
			"$(in_vm vm "traceroute -n -q 1 -w 10 $ip" | awk 'END { print $1, $2 }')"
		check "time exceeded is counted as related" grows in related "$before"
	done
}

# check_upload ADDRESS: from the guest to far.
check_upload() {
	in_ns far busybox nc -l -p 7003 -e sh -c "cat >$LAB/uploaded" &
	local server=$!
	wait_for 20 listens far 7003
	in_vm vm "nc $1 7003 </www/big"
	wait $server || true
	check_equal "vm sends $BYTES bytes to $1 through the smaller MTU" \
		"$(in_vm vm 'md5sum </www/big')" "$(md5sum <"$LAB/uploaded")"
}

check_path_mtu() {
	local ip before
	for ip in "$FAR4" "$FAR6"; do
		before=$(counter vm in related)
		check_upload "$ip"
		check "that it is smaller is counted as related" grows in related "$before"
	done
	for ip in "$(vm_ip4 $VM)" "[$(vm_ip6 $VM)]"; do
		check_equal "far gets as many from $ip through it" "$(in_vm vm 'md5sum </www/big')" \
			"$(in_ns far busybox wget -q -O - "http://$ip:7001/big" | md5sum)"
	done
}

# ---- connections --------------------------------------------------------------------------------

check_idle() {
	check_equal "a connection between guests that is idle goes on" "before after" \
		"$(in_vm vm "(echo before; sleep 4; echo after) | nc $(vm_ip4 $PEER) 7000" | xargs)"
	check_equal "one from outside, too" "still there" \
		"$(sockets far idle "$(vm_ip6 $VM)" 7000 4 2>&1)"
}

# churn ASK ADDRESS: for a shell.
churn() {
	echo "i=0; while [ \$i -lt 300 ]; do $1 -w $ANSWER_SECONDS tcp $2 7000; i=\$((i + 1)); done"
}

check_churn() {
	local before
	before=$(counter vm out new)
	check_equal "300 connections from vm to peer" "300 answered" \
		"$(in_vm vm "$(churn ask "$(vm_ip4 $PEER)")" | sort | uniq -c | xargs)"
	check "each was a session" [ $(($(counter vm out new) - before)) -ge 300 ]
	before=$(counter vm in new)
	check_equal "300 connections from far to vm" "300 answered" \
		"$(in_ns far sh -c "$(churn "$TOOLS/ask" "$(vm_ip6 $VM)")" | sort | uniq -c | xargs)"
	check "each was a session" [ $(($(counter vm in new) - before)) -ge 300 ]
}

# ---- the sum ------------------------------------------------------------------------------------

# What a port has dropped, reason by reason; but for what the policy says of uninvited packets, and
# for what the bridge had for it before it was known whose it was.
list_drops() {
	show_port "$1" '(.counters // [])[] |
		select(.verdict == "drop" and .reason != "policy" and .reason != "quarantine") |
		"\(.direction) \(.reason) \(.packets)"'
}

enter_lab "$@"
need dnsmasq dnsmasq-base
need /usr/bin/python3 python3
need busybox busybox-static
set_up
write_stacks_policy
vmseg reload >/dev/null
add_router
start_router_services
create_guest vm $VM
create_guest peer $PEER
configure_itself
check_dhcp
check_slaac
settle_addresses
start_servers
check_transfers
check_ping
check_traceroute
check_path_mtu
check_idle
check_churn
check_equal "in all of this vm's port dropped nothing but by policy" "" "$(list_drops vm)"
check_equal "nor did peer's" "" "$(list_drops peer)"
done_testing

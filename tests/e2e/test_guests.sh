#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Real guests' stacks agree: what two VMs, and hosts behind a router, send each other passes under a
# policy that allows it, with the default guards, and is counted for what it is, and nothing of it is
# dropped for any reason but the policy. Then one guest, and a neighbor of it, send every frame of
# tests/harness/hostile_frames.py: all are stopped and counted under the right reason, and none
# arrives, while connections of that guest, and of others beside it, go on and end unharmed.

set -euo pipefail
. "$(dirname "$0")/../netns/stacks.sh"
. "$(dirname "$0")/common.sh"

# The network is that of stacks.sh, with VMs in the places of two of its namespaces.
VM=11 PEER=12 OTHER=15
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
	for name in vm peer other; do
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

# ---- connections beside hostile frames ----------------------------------------------------------

# start_held FAMILY ADDRESS: a connection of vm that says a little all the time, from port 20000: none
# of those before it can have had that one, and keep it in TIME_WAIT.
start_held() {
	# shellcheck disable=SC2016 # for the VM's shell
	in_vm vm 'echo 20000 20000 >/proc/sys/net/ipv4/ip_local_port_range
		({ i=0; while [ ! -e /tmp/end ]; do echo line $i; i=$((i + 1)); usleep 50000; done; } |
			tee /tmp/said'"-$1 | nc $2 7000 >/tmp/heard-$1; touch /tmp/ended-$1) &"
	check_soon 30 "a connection to $2 is open" more_heard "$1" 0
	in_vm vm 'echo 32768 60999 >/proc/sys/net/ipv4/ip_local_port_range'
}

# heard FAMILY: lines that have come back.
heard() {
	in_vm vm "wc -l </tmp/heard-$1"
}

more_heard() {
	[ "$(heard "$1")" -gt "$2" ]
}

# Beside them: peer gets a file from other, again and again.
start_beside() {
	in_vm peer "(while [ ! -e /tmp/end ]; do
			wget -q -O - http://$(vm_ip4 $OTHER):7001/big | md5sum; done >/tmp/sums 2>&1
		touch /tmp/ended) &"
}

check_all_go_on() {
	local family before
	for family in 4 6; do
		before=$(heard $family)
		check_soon 30 "$1 vm's IPv$family connection goes on" more_heard $family "$before"
	done
}

heard_all() {
	in_vm vm "cmp /tmp/said-$1 /tmp/heard-$1"
}

check_all_end() {
	local family
	in_vm vm 'touch /tmp/end'
	in_vm peer 'touch /tmp/end'
	for family in 4 6; do
		check_soon 60 "vm's IPv$family connection ends" in_vm vm test -e /tmp/ended-$family
		check "over IPv$family every byte came back as it was sent" heard_all $family
	done
	check_soon 60 "the transfers beside vm end" in_vm peer test -e /tmp/ended
	check_equal "every one of them was whole" "$(in_vm other 'md5sum </www/big')" \
		"$(in_vm peer 'sort -u /tmp/sums')"
}

# ---- hostile frames -----------------------------------------------------------------------------

# numbers FAMILY: sequence and acknowledgment number of peer in its connection with vm.
numbers() {
	"$TOP/tests/harness/wire.py" numbers "$(vm_tap peer)" 7000 "$1"
}

make_frames() {
	local sequence4 sequence6
	mkdir "$LAB/frames"
	sequence4=$(numbers 4) sequence6=$(numbers 6)
	# shellcheck disable=SC2086 # two numbers each
	"$TOP/tests/harness/hostile_frames.py" "$LAB/frames" $sequence4 $sequence6 >"$LAB/frames/list"
}

# send_frames DIRECTION NAME...: out of the guest, or into it from the router, whom nobody filters.
send_frames() {
	local direction=$1 name command=
	shift
	for name in "$@"; do
		if [ "$direction" = in ]; then
			in_ns router "$TOP/tests/harness/wire.py" send eth0 "$LAB/frames/in.$name.pcap"
			continue
		fi
		command+="echo $(gzip -9 <"$LAB/frames/$direction.$name.pcap" | base64 -w 0) |
			base64 -d | gunzip -c | send_pcap eth0 || exit 1; "
	done
	[ "$direction" = in ] || in_vm vm "$command"
}

# What leaves the host for a guest: to peer for what vm sends, to vm for what is sent to it.
start_watchers() {
	local direction
	declare -A victims=([out]=peer [in]=vm)
	for direction in out in; do
		tcpdump --immediate-mode -U -B 16384 -Q out -i "$(vm_tap "${victims[$direction]}")" \
			-w "$LAB/$direction.seen" 2>"$LAB/$direction.watch" &
		wait_for 20 grep -q listening "$LAB/$direction.watch"
	done
}

# seen DIRECTION [NAME]: the names of hostile frames that arrived.
seen() {
	grep -aoE "HSTL${2:-[a-z0-9-]+} " "$LAB/$1.seen" || true
}

has_seen() {
	[ -n "$(seen "$1" "$2")" ]
}

# counted DIRECTION REASON N: exactly so many packets.
counted() {
	[ "$(counter vm "$1" "$2")" -eq "$3" ]
}

check_stopped() {
	local direction reason count names before
	while read -r direction reason count names <&3; do
		before=$(counter vm "$direction" "$reason")
		# shellcheck disable=SC2086 # many names
		send_frames "$direction" $names >>"$LAB/sent.log"
		check_soon 20 "$direction: $count frames are stopped as $reason" \
			counted "$direction" "$reason" $((before + count))
	done 3< <(awk '$1 == "stopped" { key = $2 " " $4; count[key] += $5; names[key] = names[key] " " $3 }
		END { for (key in count) print key, count[key] names[key] }' "$LAB/frames/list" | sort)
	for direction in out in; do
		send_frames "$direction" honest >>"$LAB/sent.log"
		check_soon 20 "an honest frame arrives ($direction)" has_seen "$direction" honest
		check_equal "nothing else of all this has ($direction)" "HSTLhonest " \
			"$(seen "$direction" | sort -u)"
	done
	check_all_go_on "beside all this"
}

# ---- floods -------------------------------------------------------------------------------------

# check_flood NAME LIMITS MOST: with these limits, not more than so many frames of the flood pass.
# What vm sends peer's policy denies, so that peer's port has the number of what passed.
check_flood() {
	local kind direction name reason count before passed_before passed
	read -r kind direction name reason count < <(grep "^flood [a-z]* $1 " "$LAB/frames/list")
	write_stacks_policy "$2"
	vmseg reload >/dev/null
	before=$(counter vm "$direction" "$reason") passed_before=$(count_passed "$direction" "$name")
	send_frames "$direction" "$name" >>"$LAB/sent.log"
	check_soon 20 "$name: every frame passes or is stopped as $reason" \
		all_known "$direction" "$name" "$reason" $((before + passed_before + count))
	passed=$(($(count_passed "$direction" "$name") - passed_before))
	check "$name: some pass, but no more than the limit: $passed of $count" \
		[ "$passed" -gt 0 -a "$passed" -le "$3" ]
	write_stacks_policy
	vmseg reload >/dev/null
	check_all_go_on "beside $name"
}

count_passed() {
	if [ "$1" = out ]; then
		counter peer in policy
	else
		seen "$1" "$2" | wc -l
	fi
}

# all_known DIRECTION NAME REASON SUM
all_known() {
	[ $(($(counter vm "$1" "$3") + $(count_passed "$1" "$2"))) -eq "$4" ]
}

check_floods() {
	local most
	most=$(($(vmseg sessions vm --json | jq '.sessions | length') + 60))
	check_flood flood-udp "sessions='$most'" $most
	check_flood flood-one-remote "sessions='20000' sessions-per-remote='30'" 30
	check_flood flood-syn "sessions='20000' half-open='40'" 40
	check "when it is over a new connection is made at once" \
		answers vm tcp "$(vm_ip4 $PEER)" 7000
}

enter_lab "$@"
need dnsmasq dnsmasq-base
need /usr/bin/python3 python3
need busybox busybox-static
need tcpdump
/usr/bin/python3 -c 'import scapy' 2>/dev/null || die "scapy is missing: install python3-scapy"
without_bridge_netfilter
set_up
write_stacks_policy
vmseg reload >/dev/null
add_router
start_router_services
create_guest vm $VM
create_guest peer $PEER
create_guest other $OTHER
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
start_held 4 "$(vm_ip4 $PEER)"
start_held 6 "$(vm_ip6 $PEER)"
make_frames
start_beside
start_watchers
check_stopped
check_floods
check_all_end
done_testing

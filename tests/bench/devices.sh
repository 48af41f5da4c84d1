#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Packets through real devices, and what peers make of the same policy, by turns:
#
#   nothing            no filter
#   empty              a program that does nothing, attached by TCX: the least that one costs
#   look-up            one that finds each packet's flow in a hash and does no more, on taps: the
#                      least that state costs
#   vmseg, vmseg-clsact  by TCX and by clsact
#   nwfilter           libvirt's, by virsh nwfilter-binding-create: MAC, ARP and IP guards and rules
#   nft                nftables in the bridge, stateless: the same guards, rules for both directions
#   nft-conntrack      nftables behind br_netfilter (or the host's router), stateful: what a kernel
#                      without connection tracking in the bridge can do
#   zfw                on taps, where ZFW=DIR names a build of it: zfw.sh
#
# Two guests in namespaces behind veth devices in a bridge for the first group of figures; a tap
# that one of our tools writes to, for the second, bridged and routed: to another guest's tap, or
# ("out") to one that is not filtered, as the network is not. Every case first shows that
# what is allowed passes and, but for the first two, that what is not does not.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/lab.sh"
. "$here/../harness/libvirt.sh"
. "$here/../harness/hostd.sh"
enter_lab "$@"
. "$here/lib.sh"
. "$here/zfw.sh"

need nft nftables
need iperf3
need jq
need taskset util-linux

ROUNDS=${ROUNDS:-5}
GUEST_ROUNDS=$((ROUNDS + 2))
TAP_ROUNDS=$((ROUNDS * 2))
SECONDS_EACH=1
ASKS=20000
TAP_PACKETS=200000
FLOOD_PACKETS=2000000
if [ -n "$SHORT" ]; then
	ROUNDS=1 GUEST_ROUNDS=1 TAP_ROUNDS=1 ASKS=500 TAP_PACKETS=20000 FLOOD_PACKETS=200000
fi

declare -A IP=([g1]=10.77.1.1 [g2]=10.77.1.2) MAC=([g1]=52:54:00:77:00:01 [g2]=52:54:00:77:00:02)
declare -A PORT=([g1]=p1 [g2]=p2)
# Those that are filtered; one that is not is the network.
FILTERED=(g1 g2)

# ---- guests ----------------------------------------------------------------------------------

# $1 behind a veth in the bridge.
add_guest() {
	ip netns add "$1"
	ip link add "${PORT[$1]}" type veth peer name eth0 netns "$1" address "${MAC[$1]}"
	ip link set "${PORT[$1]}" master br0 up
	ip -netns "$1" addr add "${IP[$1]}/24" dev eth0
	ip -netns "$1" link set lo up
	ip -netns "$1" link set eth0 up
	in_guest "$1" sysctl -q -w net.ipv4.ip_local_port_range='10000 65000'
}

# Each guest has a CPU of its own: figures that depend on where the scheduler puts two processes are
# worth nothing.
in_guest() {
	local guest=$1 cpu=0
	shift
	[ "$guest" = g1 ] || cpu=$(($(nproc) - 1))
	ip netns exec "$guest" taskset --cpu-list "$cpu" "$@"
}

start_servers() {
	in_guest g2 "$BENCH_TOOLS/net_load" echo 7000 &
	in_guest g2 "$BENCH_TOOLS/net_load" accept 7001 &
	in_guest g2 "$TOOLS/echo_server" 7002 9 &
	in_guest g2 iperf3 -s -p 5201 >/dev/null 2>&1 &
	wait_for 10 answers_to_client 7002
}

answers_to_client() {
	[ "$(in_guest g1 "$TOOLS/ask" -w "${2:-1}" tcp "${IP[g2]}" "$1")" = answered ]
}

# ---- the peers -------------------------------------------------------------------------------

pass_bridge_to_ip_filters() {
	sysctl -q -w net.bridge.bridge-nf-call-iptables="$1" net.bridge.bridge-nf-call-arptables=0 \
		net.bridge.bridge-nf-call-ip6tables=0
}

nothing_up() { :; }
nothing_down() { :; }

filtered_devices() {
	local guest
	for guest in "${FILTERED[@]}"; do
		echo "${PORT[$guest]}"
	done
}

# shellcheck disable=SC2046 # a word each
bare_filter() { "$BUILD/tests/bench/bare_filter" "$1" $(filtered_devices); }

empty_up() { bare_filter empty; }
empty_down() { bare_filter off; }
look-up_up() { bare_filter look-up; }
look-up_down() { bare_filter off; }

# domain_of GUEST DEVICE: the guest as a domain, for the hook.
domain_of() {
	cat <<-EOF
		<domain type='kvm'><name>$1</name>
		<uuid>00000000-0000-0000-0000-0000000000${1/g/0}</uuid>
		<metadata><vmseg:domain xmlns:vmseg='urn:vmseg:1'><vmseg:policy ref='bench'/>
		<vmseg:interface mac='${MAC[$1]}'><vmseg:address ip='${IP[$1]}'/></vmseg:interface>
		</vmseg:domain></metadata>
		<devices><interface type='bridge'><mac address='${MAC[$1]}'/>
		<target dev='$2'/></interface></devices></domain>
	EOF
}

# A daemon each for TCX and clsact: a port is attached by the method of its daemon.
start_daemons() {
	local method
	install -d /etc/vmseg/policies
	cat >/etc/vmseg/policies/bench.xml <<-EOF
		<policy xmlns="urn:vmseg:1" name="bench">
		  <default in="deny" out="allow"/>
		  <limits sessions="65536"/>
		  <rule id="tcp" direction="in" action="allow"><tcp port="5000-8000"/></rule>
		  <rule id="udp" direction="in" action="allow"><udp port="5000-8000"/></rule>
		  <rule id="ping" direction="in" action="allow"><icmp/></rule>
		</policy>
	EOF
	for method in tcx clsact; do
		start_method_daemon $method "libvirt-uri = none"
	done
}

# vmseg_hook METHOD OPERATION GUEST DEVICE
vmseg_hook() {
	domain_of "$3" "$4" | VMSEG_CONFIG=/etc/vmseg/$1.conf "$BUILD/vmseg-hook" "$3" "$2" begin -
}

vmseg_up() {
	local guest
	for guest in "${FILTERED[@]}"; do
		vmseg_hook "${1:-tcx}" start "$guest" "${PORT[$guest]}"
	done
}

vmseg_down() {
	local guest
	for guest in "${FILTERED[@]}"; do
		vmseg_hook "${1:-tcx}" stopped "$guest" "${PORT[$guest]}"
	done
}

vmseg-clsact_up() { vmseg_up clsact; }
vmseg-clsact_down() { vmseg_down clsact; }

nwfilter_up() {
	local guest
	pass_bridge_to_ip_filters 1
	for guest in "${FILTERED[@]}"; do
		cat >"$LAB/binding.xml" <<-EOF
			<filterbinding>
			  <owner><name>$guest</name><uuid>00000000-0000-0000-0000-0000000000${guest/g/0}</uuid></owner>
			  <portdev name='${PORT[$guest]}'/>
			  <mac address='${MAC[$guest]}'/>
			  <filterref filter='bench'>
			    <parameter name='IP' value='${IP[$guest]}'/>
			    <parameter name='MAC' value='${MAC[$guest]}'/>
			  </filterref>
			</filterbinding>
		EOF
		virsh --quiet nwfilter-binding-create "$LAB/binding.xml"
	done
}

nwfilter_down() {
	local guest
	for guest in "${FILTERED[@]}"; do
		virsh --quiet nwfilter-binding-delete "${PORT[$guest]}"
	done
	pass_bridge_to_ip_filters 0
}

# For a chain of the bridge.
nft_guards() {
	local guest
	for guest in "${FILTERED[@]}"; do
		cat <<-EOF
			iifname "${PORT[$guest]}" ether saddr != ${MAC[$guest]} drop
			iifname "${PORT[$guest]}" arp saddr ether != ${MAC[$guest]} drop
			iifname "${PORT[$guest]}" arp saddr ip != ${IP[$guest]} drop
			iifname "${PORT[$guest]}" ip saddr != ${IP[$guest]} drop
		EOF
	done
}

nft_up() {
	nft -f - <<-EOF
		table bridge bench {
		  chain forward {
		    type filter hook forward priority 0; policy drop;
		    $(nft_guards)
		    ether type arp accept
		    tcp dport 5000-8000 accept
		    udp dport 5000-8000 accept
		    tcp sport 5000-8000 accept
		    udp sport 5000-8000 accept
		    ip protocol icmp accept
		  }
		}
	EOF
}

nft_down() { nft delete table bridge bench; }

nft_conntrack_rules() {
	cat <<-EOF
		table inet bench {
		  chain forward {
		    type filter hook forward priority 0; policy drop;
		    ct state established,related accept
		    ct state new tcp dport 5000-8000 accept
		    ct state new udp dport 5000-8000 accept
		    ip protocol icmp accept
		  }
		}
	EOF
}

nft-conntrack_up() {
	pass_bridge_to_ip_filters 1
	nft -f - <<-EOF
		table bridge bench {
		  chain forward {
		    type filter hook forward priority 0; policy accept;
		    $(nft_guards)
		  }
		}
		$(nft_conntrack_rules)
	EOF
}

nft-conntrack_down() {
	nft delete table bridge bench
	nft delete table inet bench
	pass_bridge_to_ip_filters 0
}

# ---- two guests ------------------------------------------------------------------------------

# Fails the suite where a filter does not filter: figures of such a one are worth nothing.
check_policy() {
	answers_to_client 7002 10 || die "$1: what is allowed does not pass"
	[ "$1" = nothing ] || [ "$1" = empty ] || ! answers_to_client 9 ||
		die "$1: what is not allowed passes"
}

measure_datagrams() {
	local before after received
	in_guest g2 "$BENCH_TOOLS/net_load" sink 7003 $((SECONDS_EACH + 1)) >"$LAB/sink" &
	local sink=$!
	before=$(busy_ticks)
	in_guest g1 "$BENCH_TOOLS/net_load" send "${IP[g2]}" 7003 $SECONDS_EACH >"$LAB/send"
	after=$(busy_ticks)
	wait $sink
	received=$(<"$LAB/sink")
	[ "$received" -gt 0 ] || die "$1: no datagram arrived"
	note veth/udp "$1" "$received"
	note veth/cpu "$1" "$(awk -v t=$((after - before)) -v n="$received" \
		-v s=$SECONDS_EACH 'BEGIN { printf "%.0f", t * 1e7 / (n * s) }')"
}

measure_guests() {
	local median p99
	read -r median p99 < <(in_guest g1 "$BENCH_TOOLS/net_load" ask "${IP[g2]}" 7000 $ASKS)
	note veth/round-trip "$1" "$median"
	note veth/round-trip-p99 "$1" "$p99"
	note veth/connections "$1" \
		"$(in_guest g1 "$BENCH_TOOLS/net_load" connect "${IP[g2]}" 7001 $SECONDS_EACH)"
	measure_datagrams "$1"
	note veth/stream "$1" "$(in_guest g1 iperf3 -J -c "${IP[g2]}" -p 5201 -t $SECONDS_EACH |
		jq '.end.sum_received.bits_per_second / 1e9 * 1000 | round / 1000')"
}

announce_guests() {
	local base=nothing
	[ "$1" != nothing ] || base=
	figure veth/round-trip "$1" us lower $base
	figure veth/round-trip-p99 "$1" us lower $base
	figure veth/connections "$1" connections/s higher $base
	figure veth/udp "$1" packets/s higher $base
	figure veth/cpu "$1" "ns of CPU per packet" lower $base
	figure veth/stream "$1" Gbit/s higher $base
}

# ---- a tap -----------------------------------------------------------------------------------

# Nobody reads the second tap, whose queue drops what it cannot hold. The guests are behind them.
add_taps() {
	ip tuntap add t1 mode tap multi_queue
	ip tuntap add t2 mode tap multi_queue
	ip link set t1 up
	ip link set t2 up
	"$BENCH_TOOLS/tap_load" -k t1 &
	"$BENCH_TOOLS/tap_load" -k t2 &
	PORT=([g1]=t1 [g2]=t2)
}

taps_forward() {
	[ "$(bridge link show master br0 | grep -cE '^[0-9]+: t[12]:.* state forwarding')" = 2 ]
}

bridge_taps() {
	ip link set t1 master br0
	ip link set t2 master br0
	bridge fdb replace "${MAC[g2]}" dev t2 master static
	wait_for 10 taps_forward || die "the taps have no carrier"
	next_hop=${MAC[g2]}
}

route_taps() {
	ip link set t1 nomaster
	ip link set t2 nomaster
	sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.t1.rp_filter=0
	ip addr add 10.77.1.254/32 dev t1
	ip route add "${IP[g1]}" dev t1
	ip route add "${IP[g2]}" dev t2
	ip neigh replace "${IP[g2]}" lladdr "${MAC[g2]}" dev t2
	next_hop=$(cat /sys/class/net/t1/address)
}

# to_tap2: packets that came through to t2; up to a queue's length wait in it, uncounted.
to_tap2() {
	cat /sys/class/net/t2/statistics/tx_dropped
}

# came_through PORT FRAMES: how many of so many to that port did; up to a queue's length fewer while
# t2's queue is not full.
came_through() {
	local before
	before=$(to_tap2)
	"$BENCH_TOOLS/tap_load" t1 "${MAC[g1]}" "${IP[g1]}" "$next_hop" "${IP[g2]}" "$1" 1000 "$2" \
		>/dev/null
	echo $(($(to_tap2) - before))
}

# denies_port_9 PEER: vmseg lets a guest send what it likes: the filter of whom it sends to denies.
denies_port_9() {
	case $1 in
	nothing | empty | look-up) false ;;
	vmseg*) [[ " ${FILTERED[*]} " = *" g2 "* ]] ;;
	esac
}

# check_tap GROUP PEER: the frames that are allowed fill the queue, so that those to another port are
# all counted, should they come through; the host sends a few of its own.
check_tap() {
	[ "$(came_through 7000 2000)" -ge 1000 ] || die "$1 $2: what is allowed does not pass"
	! denies_port_9 "$2" || [ "$(came_through 9 1000)" -lt 10 ] ||
		die "$1 $2: what is not allowed passes"
}

# measure_tap GROUP CASE
measure_tap() {
	local taken cpu before
	before=$(to_tap2)
	read -r taken _ cpu < <("$BENCH_TOOLS/tap_load" t1 "${MAC[g1]}" "${IP[g1]}" "$next_hop" \
		"${IP[g2]}" 7000 1000 $TAP_PACKETS)
	[ "$taken" -eq $TAP_PACKETS ] || die "$1 $2: the tap took $taken of $TAP_PACKETS frames"
	[ $(($(to_tap2) - before)) -ge $((TAP_PACKETS - 1000)) ] ||
		die "$1 $2: $(($(to_tap2) - before)) of $TAP_PACKETS frames came through"
	note "$1" "$2" "$(awk -v n="$taken" -v s="$cpu" 'BEGIN { printf "%.1f", s * 1e9 / n }')"
}

# measure_taps GROUP PEER...
measure_taps() {
	local group=$1 peer round
	shift
	for peer in "$@"; do
		figure "$group" "$peer" "ns of CPU per packet" lower "$([ "$peer" = nothing ] || echo nothing)"
	done
	for ((round = 1; round <= TAP_ROUNDS; round++)); do
		for peer in "$@"; do
			"${peer}_up"
			check_tap "$group" "$peer"
			measure_tap "$group" "$peer"
			"${peer}_down"
		done
	done
	say "$group: $TAP_ROUNDS rounds"
}

# ---- a flood ---------------------------------------------------------------------------------

# out_count FILTER: packets that t1's port has counted; a jq condition on the reason.
out_count() {
	vmseg_of tcx show g1 --json |
		jq "[.ports[0].counters[] | select(.direction == \"out\" and ($1)).packets] | add // 0"
}

# flood CASE SOURCE EXPECTED: as fast as two threads can; each frame must be counted, and as expected.
flood() {
	local taken seconds before_all before judged
	before_all=$(out_count true)
	before=$(out_count "$3")
	read -r taken seconds _ < <("$BENCH_TOOLS/tap_load" -t 2 t1 "${MAC[g1]}" "$2" "${MAC[g2]}" \
		"${IP[g2]}" 7000 1000 $FLOOD_PACKETS)
	judged=$(($(out_count true) - before_all))
	[ "$judged" -eq "$taken" ] || die "flood, $1: $taken frames offered, $judged judged"
	[ $(($(out_count "$3") - before)) -eq "$taken" ] ||
		die "flood, $1: $((taken - $(out_count "$3") + before)) of $taken frames misjudged"
	figure tap/flood "$1" packets/s higher
	note tap/flood "$1" "$(awk -v n="$taken" -v s="$seconds" 'BEGIN { printf "%.0f", n / s }')"
	figure tap/flood-misjudged "$1" packets lower
	note tap/flood-misjudged "$1" $((taken - judged))
}

measure_floods() {
	local round
	ip link set t1 nomaster
	vmseg_up
	for ((round = 1; round <= ROUNDS; round++)); do
		flood "allowed" "${IP[g1]}" '.reason == "new" or .reason == "established"'
		flood "spoofed" 10.77.1.99 '.reason == "guard-ip"'
	done
	vmseg_down
	say "flood: all judged as they should"
}

# ---- the whole -------------------------------------------------------------------------------

GUEST_PEERS=(nothing empty vmseg vmseg-clsact nwfilter nft nft-conntrack)
TAP_PEERS=(nothing empty look-up vmseg vmseg-clsact nft nft-conntrack)
ROUTED_PEERS=(nothing empty look-up vmseg nft-conntrack)
if [ -n "${ZFW:-}" ]; then
	zfw_check
	TAP_PEERS+=(zfw)
	ROUTED_PEERS+=(zfw)
fi

add_bridge br0
pass_bridge_to_ip_filters 0
start_daemons
start_libvirtd
virsh --quiet nwfilter-define "$here/nwfilter.xml"
add_guest g1
add_guest g2
start_servers
say "two guests in a bridge: ${GUEST_PEERS[*]}"
for peer in "${GUEST_PEERS[@]}"; do
	announce_guests "$peer"
done
for ((round = 1; round <= GUEST_ROUNDS; round++)); do
	for peer in "${GUEST_PEERS[@]}"; do
		"${peer}_up"
		check_policy "$peer"
		measure_guests "$peer"
		"${peer}_down"
	done
	say "two guests: round $round of $GUEST_ROUNDS"
done
ip link del p1
ip link del p2
add_taps
bridge_taps
measure_taps tap/bridged "${TAP_PEERS[@]}"
FILTERED=(g1)
measure_taps tap/bridged-out "${TAP_PEERS[@]}"
route_taps
measure_taps tap/routed-out "${ROUTED_PEERS[@]}"
FILTERED=(g1 g2)
measure_taps tap/routed "${ROUTED_PEERS[@]}"
measure_floods
write_figures

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# stacks.sh: a small network of real stacks in the lab, one of them behind a filtered port. The
# script calls the hook as libvirtd would; vmseg does not know that `vm` is a namespace.
#
#   vm ---- vnet0 --+-- br0 --+---- peer
#         filtered  |         +---- intruder
#                   |         +---- router --(MTU 1300)-- hop ---- far

stacks_here=$(dirname "${BASH_SOURCE[0]}")
. "$stacks_here/../harness/lab.sh"
. "$stacks_here/../harness/hostd.sh"
. "$stacks_here/../harness/tap.sh"

# shellcheck disable=SC2034 # for those who source this file
VM4=10.0.0.11 VM6=fd00::11 VM_MAC=52:54:00:00:00:11
# Listed as the VM's too: what SLAAC makes of its MAC and the prefix, and one more to fight about.
VM6_SLAAC=fd00::5054:ff:fe00:11 VM6_SPARE=fd00::d
# shellcheck disable=SC2034
PEER4=10.0.0.12 PEER6=fd00::12 PEER_MAC=52:54:00:00:00:12
# shellcheck disable=SC2034
INTRUDER4=10.0.0.13 INTRUDER6=fd00::13 INTRUDER_MAC=52:54:00:00:00:13
ROUTER4=10.0.0.254 ROUTER6=fd00::fe
# shellcheck disable=SC2034
FAR4=10.3.0.2 FAR6=fd03::2

# in_ns NAME COMMAND...
in_ns() {
	ip netns exec "$@"
}

sockets() {
	local name=$1
	shift
	in_ns "$name" "$TOP/tests/harness/sockets.py" "$@"
}

# start_sockets NAME COMMAND...: in the background; its output goes into $LAB/NAME-COMMAND.out, its
# process is $started.
start_sockets() {
	local output=$LAB/$1-$2.out name=$1
	shift
	ip netns exec "$name" "$TOP/tests/harness/sockets.py" "$@" >"$output" 2>&1 &
	# shellcheck disable=SC2034 # for those who source this file
	started=$!
	wait_for 10 grep -qE 'listening|open' "$output" || die "$1 does not start: see $output"
}

# add_host NAME NUMBER: a namespace with a NIC in the bridge; its MAC ends in NUMBER.
add_host() {
	local name=$1 device=to-$1
	[ "$name" != vm ] || device=vnet0
	add_netns "$name"
	ip link add "$device" type veth peer name eth0 netns "$name" address "52:54:00:00:00:$2"
	ip link set "$device" master br0 up
	ip -netns "$name" link set eth0 up
}

# Addresses are usable at once, without duplicate address detection, and there are no others than
# those given.
add_netns() {
	ip netns add "$1"
	in_ns "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
		echo 0 >/proc/sys/net/ipv6/conf/default/accept_ra'
	ip -netns "$1" link set lo up
}

# link NAME OTHER MTU NETWORK: a link between two namespaces, which have ends .1 and .2.
link() {
	ip -netns "$1" link add "to-$2" mtu "$3" type veth peer name "to-$1" mtu "$3" netns "$2"
	set_address "$1" "to-$2" "10.$4.0.1/24" "fd0$4::1/64"
	set_address "$2" "to-$1" "10.$4.0.2/24" "fd0$4::2/64"
}

set_address() {
	local name=$1 device=$2 address
	shift 2
	ip -netns "$name" link set "$device" up
	for address in "$@"; do
		ip -netns "$name" address add "$address" dev "$device"
	done
}

# route NAME GATEWAY4 GATEWAY6: where everything else goes.
route() {
	ip -netns "$1" route add default via "$2"
	ip -netns "$1" -6 route add default via "$3"
}

forwards() {
	# Time exceeded must not be held back: every hop of every probe is to answer.
	in_ns "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
		echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
		echo 0 >/proc/sys/net/ipv6/icmp/ratelimit'
}

# With br_netfilter in the kernel the bridge drops some malformed packets by itself.
without_bridge_netfilter() {
	local name
	for name in iptables ip6tables; do
		[ ! -e "/proc/sys/net/bridge/bridge-nf-call-$name" ] ||
			echo 0 >"/proc/sys/net/bridge/bridge-nf-call-$name"
	done
}

add_network() {
	local name
	add_bridge br0 10.0.0.1/24 fd00::1/64
	without_bridge_netfilter
	add_host vm 11
	add_host peer 12
	add_host intruder 13
	add_host router 14
	add_netns hop
	add_netns far
	set_address peer eth0 "$PEER4/24" "$PEER6/64"
	set_address intruder eth0 "$INTRUDER4/24" "$INTRUDER6/64"
	set_address router eth0 "$ROUTER4/24" "$ROUTER6/64"
	link router hop 1300 2
	link hop far 1500 3
	forwards router
	forwards hop
	route far 10.3.0.1 fd03::1
	route hop 10.2.0.1 fd02::1
	route router 10.2.0.2 fd02::2
	for name in peer intruder; do
		route "$name" "$ROUTER4" "$ROUTER6"
	done
}

# What the VM has in tests that are not about getting addresses.
set_vm_addresses() {
	set_address vm eth0 "$VM4/24" "$VM6/64"
	route vm "$ROUTER4" "$ROUTER6"
}

# write_stacks_policy [LIMITS]: the VM's policy, default guards, with attributes for <limits>.
write_stacks_policy() {
	local limits=${1:-"sessions='20000'"}
	write_policy stacks <<-XML
		<policy xmlns="urn:vmseg:1" name="stacks">
		  <default in="deny" out="allow"/>
		  <limits $limits/>
		  <rule id="iperf" direction="in" action="allow"><tcp port="5201"/><udp port="5201"/></rule>
		  <rule id="echo" direction="in" action="allow"><tcp port="7000-7002"/></rule>
		  <rule id="trace" direction="in" action="allow"><udp port="33434-33534"/></rule>
		  <rule id="ping" direction="in" action="allow">
		    <icmp type="echo-request"/><icmpv6 type="echo-request"/>
		  </rule>
		</policy>
	XML
}

start_vm() {
	"$BUILD/vmseg-hook" vm start begin - <<-XML
		<domain type='kvm'><name>vm</name>
		  <uuid>00000000-0000-0000-0000-000000000011</uuid>
		  <metadata>
		    <vmseg:domain xmlns:vmseg='urn:vmseg:1'>
		      <vmseg:policy ref='stacks'/>
		      <vmseg:interface mac='$VM_MAC'>
		        <vmseg:address ip='$VM4'/><vmseg:address ip='$VM6'/>
		        <vmseg:address ip='$VM6_SLAAC'/><vmseg:address ip='$VM6_SPARE'/>
		      </vmseg:interface>
		    </vmseg:domain>
		  </metadata>
		  <devices>
		    <interface type='bridge'><mac address='$VM_MAC'/><target dev='vnet0'/></interface>
		  </devices>
		</domain>
	XML
}

# set_up_stacks [SETTING...]: the network, the daemon and the VM's port; the VM has no addresses.
set_up_stacks() {
	need jq
	need iperf3
	mkdir -p /etc/vmseg/policies
	add_network
	write_stacks_policy
	start_hostd "libvirt-uri = none" "log-events = off" "$@"
	start_vm || die "the port is refused: see $LAB/hostd.log"
}

listens() {
	in_ns "$1" ss -Hltn "sport = :$2" | grep -q LISTEN
}

# grows DIRECTION REASON BEFORE: the VM's port has counted more than that.
grows() {
	[ "$(counter vm "$1" "$2")" -gt "$3" ]
}

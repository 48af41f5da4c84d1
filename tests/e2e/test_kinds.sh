#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Kinds of network interfaces: libvirt's isolated and NAT networks with their DHCP server, a tap that
# somebody else has made, and macvtap, all in one VM; by TCX and by clsact.

set -euo pipefail
. "$(dirname "$0")/common.sh"

BOX=40
ISOLATED=52:54:00:77:02:01 NAT=52:54:00:77:02:02 TAP=52:54:00:77:02:03 MACVTAP=52:54:00:77:02:04
OUTSIDE=192.0.2.2 FAR=10.93.0.2

# A network namespace with one NIC: add_peer NAME DEVICE ADDRESS.
add_peer() {
	ip netns add "$1"
	ip link add "$2" type veth peer name eth0 netns "$1"
	ip link set "$2" up
	ip -netns "$1" addr add "$3" dev eth0
	ip -netns "$1" link set eth0 up
	ip netns exec "$1" "$TOOLS/echo_server" 7000 &
}

# network NAME BRIDGE PREFIX FORWARD [HOST]
network() {
	cat <<-EOF
		<network>
		  <name>$1</name>
		  <bridge name='$2' delay='0'/>
		  $4
		  <ip address='$3.1' netmask='255.255.255.0'>
		    <dhcp><range start='$3.50' end='$3.60'/>${5:-}</dhcp>
		  </ip>
		</network>
	EOF
}

start_networks() {
	network isolated virbr1 10.91.0 "" >"$LAB/isolated.xml"
	network nat virbr2 10.92.0 "<forward mode='nat'/>" \
		"<host mac='$NAT' ip='10.92.0.70'/>" >"$LAB/nat.xml"
	check "an isolated network starts" virsh --quiet net-create "$LAB/isolated.xml"
	check "a NAT network starts" virsh --quiet net-create "$LAB/nat.xml"
}

# nic TYPE MAC CONTENT
nic() {
	printf '%s' "<interface type='$1'><mac address='$2'/>$3<model type='virtio'/>" \
		"<rom enabled='no'/></interface>"
}

# The box's domain: the NIC that every VM has here, and one of each kind. Without addresses its
# guest sets none by itself.
box_xml() {
	local nics
	nics=$(nic network $ISOLATED "<source network='isolated'/>"
		nic network $NAT "<source network='nat'/>"
		nic ethernet $TAP "<target dev='mytap0' managed='no'/>"
		nic direct $MACVTAP "<source dev='lower0' mode='bridge'/>")
	domain_xml box $BOX "$(box_metadata)" |
		sed "s| address.0=[^<]*||; s|</devices>|$nics&|"
}

# The isolated NIC has no address that vmseg would know of, so the guard for addresses rests.
box_metadata() {
	cat <<-EOF
		<domain xmlns="urn:vmseg:1">
		  <policy ref="web-server"/>
		  <interface mac="$NAT"><address ip="10.92.0.70"/></interface>
		  <interface mac="$TAP"><address ip="$VM_NET4.41"/></interface>
		  <interface mac="$MACVTAP"><address ip="10.93.0.10"/></interface>
		</domain>
	EOF
}

# libvirt opens /dev/tapN, which udev makes where there is one.
make_tap_nodes() {
	local dev name major minor
	while sleep 0.01; do
		for dev in /sys/class/net/macvtap*/tap*/dev; do
			[ -e "$dev" ] || continue
			name=${dev%/dev}
			name=/dev/${name##*/}
			IFS=: read -r major minor <"$dev" || continue
			[ -e "$name" ] || mknod "$name" c "$major" "$minor" || true
		done
	done
}

start_box() {
	# As somebody else would: for the user that QEMU runs as, in the bridge, and up.
	ip link show mytap0 >/dev/null 2>&1 || ip tuntap add dev mytap0 mode tap
	ip link set mytap0 master "$VM_BRIDGE" up
	box_xml >"$LAB/box.xml"
	check "a VM with all kinds of NICs starts" virsh --quiet create "$LAB/box.xml"
	in_vm box "echo_server 22 7000 >/dev/null 2>&1 &
		ip link set eth1 up; ip link set eth2 up
		ip addr add $VM_NET4.41/24 dev eth3; ip link set eth3 up
		ip addr add 10.93.0.10/24 dev eth4; ip link set eth4 up
		cat >/tmp/lease <<-'END'
			#!/bin/sh
			[ \"\$1\" != bound ] || ip addr add \$ip/24 dev \$interface
			[ \"\$1\" != bound ] || [ -z \"\$router\" ] || ip route add default via \$router
		END
		chmod +x /tmp/lease"
}

# port MAC FILTER: a jq filter on the box's port with that MAC.
port() {
	vmseg show box --json | jq -r ".ports[] | select(.mac == \"$1\") | $2"
}

# dropped MAC DIRECTION REASON
dropped() {
	port "$1" "[(.counters // [])[] | select(.direction == \"$2\" and .reason == \"$3\").packets] | add // 0"
}

check_attached() {
	local mac method=$1
	for mac in $ISOLATED $NAT $TAP $MACVTAP; do
		check_equal "$(port "$mac" .type): filtered in both directions by $method" \
			"true true $method" "$(port "$mac" '"\(.hooked.in) \(.hooked.out) \(.attach)"')"
	done
}

# lease DEVICE: the address that the guest gets there from the network's DHCP server.
lease() {
	in_vm box "udhcpc -i $1 -n -q -t 10 -s /tmp/lease >/dev/null 2>&1
		ip -4 -o addr show dev $1 | sed 's/.*inet \\([0-9.]*\\).*/\\1/'"
}

check_dhcp() {
	local address
	address=$(lease eth1)
	check_contains "isolated: the guest gets an address under the guards" 10.91.0. "$address"
	check_nic isolated $ISOLATED eth1 "$address" 10.91.0.1 ""
	address=$(lease eth2)
	check_equal "NAT: the guest gets the address that it may use" 10.92.0.70 "$address"
	check_nic NAT $NAT eth2 "$address" 10.92.0.1 ""
	check "NAT: and reaches the outside through it" answers box tcp $OUTSIDE 7000
}

# What somebody in a namespace, or here, hears from the box.
ask_box() {
	local netns=$1 wait=$2
	shift 2
	${netns:+ip netns exec "$netns"} "$TOOLS/ask" -w "$wait" tcp "$@" || [ $? -le 2 ]
}

# check_nic KIND MAC DEVICE ADDRESS REMOTE NETNS: what its policy lets through, and what it does not.
check_nic() {
	local kind=$1 mac=$2 device=$3 address=$4 remote=$5 netns=$6 before spoof
	check_equal "$kind: what policy allows is answered" answered \
		"$(ask_box "$netns" $ANSWER_SECONDS "$address" 7000)"
	before=$(dropped "$mac" in policy)
	check_equal "$kind: what it denies is not" silence \
		"$(ask_box "$netns" $SILENCE_SECONDS "$address" 22)"
	check "$kind: and is counted where it came in" [ "$(dropped "$mac" in policy)" -gt "$before" ]
	check "$kind: the guest reaches others" in_vm box "ping -c 1 -W 10 -I $device $remote"
	# By its address where that is known, else by its MAC.
	spoof=guard-ip
	[ "$mac" != $ISOLATED ] || spoof=guard-mac
	before=$(dropped "$mac" out $spoof)
	if [ $spoof = guard-ip ]; then
		in_vm box "send_frame -n 7 $device udp ${address%.*}.99 $remote"
	else
		in_vm box "send_frame -n 7 -m 52:54:00:77:66:66 $device udp $address $remote"
	fi
	check_equal "$kind: what it forges is dropped ($spoof)" $((before + 7)) \
		"$(dropped "$mac" out $spoof)"
}

check_static() {
	check_nic tap $TAP eth3 "$VM_NET4.41" "$VM_NET4.1" ""
	check_nic macvtap $MACVTAP eth4 10.93.0.10 $FAR far
}

is_gone() {
	[ "$(vmseg status --json | jq .datapath.ports.used)" = 0 ]
}

stop_box() {
	destroy_vm box
	check_soon 30 "when the VM ends nothing of vmseg's is left on any of them" is_gone
}

enter_lab "$@"
need dnsmasq dnsmasq-base
need iptables
set_up
add_peer outside out0 $OUTSIDE/24
ip addr add 192.0.2.1/24 dev out0
add_peer far lower0 $FAR/24
make_tap_nodes &
start_networks

if [ "$(vmseg status --json | jq -r .datapath.attach)" = tcx ]; then
	start_box
	check_attached tcx
	check_dhcp
	check_static
	stop_box
fi
stop_hostd
start_hostd "log-level = debug" "attach = clsact"
start_box
check_attached clsact
check_dhcp
check_static
stop_box
done_testing

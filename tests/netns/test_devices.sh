#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a device is decides, not its name nor the type that a domain's XML gives it: which new devices
# are closed until their owner is known, and in which direction of a device its guest sends.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq
need python3
need curl

MAC=52:54:00:00:00:41 UUID=00000000-0000-0000-0000-000000000041

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	write_good_policy
}

start_web() {
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web start begin -
}

unclaimed() {
	vmseg status --json | jq -r '[.unclaimed[].device] | sort | join(" ")'
}

unclaimed_are() {
	[ "$(unclaimed)" = "$1" ]
}

# ---- new devices ------------------------------------------------------------------------------

# Which of these are closed is known when the last one is: news come in their order.
add_devices() {
	ip tuntap add one-7-1 mode tap
	ip tuntap add tap01 mode tap
	ip tuntap add tap-vpn mode tap
	ip tuntap add vnet-l3 mode tun
	ip link add link br0 name mvt7 type macvtap mode bridge
	ip link add link br0 name macvtap7 type macvlan mode bridge
	ip link add web-nic type veth peer name web-peer
	ip link add veth1234 type veth peer name veth5678
	ip link add vnet9 type bridge
	ip tuntap add last7 mode tap
}

delete_devices() {
	local device
	for device in one-7-1 tap01 tap-vpn vnet-l3 mvt7 macvtap7 web-nic veth1234 vnet9 last7; do
		ip link del "$device"
	done
	check_soon 10 "... and forgotten when they are gone" unclaimed_are ""
}

# With a managed domain, libvirt may plug in although it cannot be heard.
check_closed() {
	start_hostd 'libvirt-uri = qemu:///system' 'log-events = off' 'quarantine-except = tap-vpn x*'
	start_web
	add_devices
	check_soon 10 "taps and macvtaps of any name are closed" \
		unclaimed_are "last7 mvt7 one-7-1 tap01"
	check_equal "... which is a port each, beside the domain's" 5 "$(ports_used)"
	delete_devices
	ip link add vnet12 type veth peer name peer12
	check_soon 10 "a veth by libvirt's own name is closed, too" unclaimed_are vnet12
	ip link del vnet12
	check_soon 10 "until it is gone" unclaimed_are ""
}

# Libvirt that is not listened to plugs in all the same.
check_unheard() {
	stop_hostd
	start_hostd 'libvirt-uri = none' 'log-events = off' 'quarantine-except = tap-vpn x*'
	check_contains "without libvirt-uri it is said that a domain's changes cannot be seen" \
		"web: vmseg cannot see changes of the domain: no libvirt-uri of driver qemu is connected" \
		"$(vmseg status --json | jq -r '.warnings[]')"
	add_devices
	check_soon 10 "... and new devices are closed" unclaimed_are "last7 mvt7 one-7-1 tap01"
	delete_devices
}

# ---- no port is left --------------------------------------------------------------------------

programs_on() {
	find /sys/fs/bpf/small/links -name "$(cat "/sys/class/net/$1/ifindex")-*" | wc -l
}

two_nics() {
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 one-7-1 |
		hook web reconnect begin -
}

second_nic() {
	vmseg show web --json | jq -r ".ports[1] | $1"
}

in_line() {
	curl -s --unix-socket "$LAB_RUN/metrics" http://localhost/metrics |
		sed -n 's/^vmseg_port_in_line.* //p' | paste -sd ' '
}

check_full() {
	local full='all 1 ports are in use: increase max-ports, see vmseg-hostd.conf(5)'
	stop web 11
	stop_hostd
	start_hostd 'libvirt-uri = none' 'max-ports = 1' 'bpffs = /sys/fs/bpf/small' \
		"metrics-listen = $LAB_RUN/metrics"
	start_web
	ip tuntap add one-7-1 mode tap
	check_soon 10 "when all ports are taken a new device is closed" unclaimed_are one-7-1
	check_equal "... by programs on it" 2 "$(programs_on one-7-1)"
	two_nics
	check_equal "... it stays so when its domain is known" "true 2" \
		"$(second_nic .closed) $(programs_on one-7-1)"
	check_contains "... with what to do" "$full" "$(second_nic .error)"
	check_equal "... and a sample in the metrics" "1 0" "$(in_line)"
	two_nics
	check_equal "... it is logged once" 1 "$(grep -c -F "$full" "$LAB/hostd.log")"
	check_equal "the other one has its policy" "false 2" \
		"$(show_port web .closed) $(programs_on vnet0)"
	ip tuntap add one-7-2 mode tap
	start_app one-7-2
	check_equal "a second domain's device is closed, too" closed "$(domain app .state)"
	ip link del one-7-1
	stop web 11
	check_soon 30 "when a place is free it has its policy, by itself" state_is app enforce
	stop app 15
	ip link del one-7-2
	check_sniffed
	stop_hostd
	rm -r /sys/fs/bpf/small
}

# start_app DEVICE: a domain that runs already.
start_app() {
	describe app 15 "$(managed 15 "<vmseg:policy ref='web-server'/>")" "$1" |
		hook app reconnect begin -
}

state_is() {
	[ "$(domain "$1" .state)" = "$2" ]
}

has_packet_socket() {
	awk -v device="$(cat "/sys/class/net/$1/ifindex")" '$4 == "0003" && $5 == device { found = 1 }
		END { exit !found }' /proc/net/packet
}

# A packet socket has the frames of a device without a bridge before vmseg has.
check_sniffed() {
	local sniffer
	ip link add seen0 type veth peer name seen1
	python3 -c 'import signal, socket
sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
sniffer.bind(("seen0", 0))
signal.pause()' &
	sniffer=$!
	wait_for 30 has_packet_socket seen0
	start_app seen0
	check_equal "a device whose frames a packet socket has is closed" closed "$(domain app .state)"
	kill "$sniffer"
	wait "$sniffer" || true
	check_soon 30 "... until the socket is closed" state_is app enforce
	stop app 15
	ip link del seen0
}

# Only its LXC driver uses veths.
check_containers() {
	stop_hostd
	start_hostd 'libvirt-uri = qemu:///system lxc:///system' 'log-events = off'
	add_devices
	check_soon 10 "where libvirt has containers veths are closed, but not those of engines" \
		unclaimed_are "last7 mvt7 one-7-1 tap-vpn tap01 web-nic web-peer"
	delete_devices
	sed -i 's/^quarantine-except.*//; $a quarantine-except = none' /etc/vmseg/hostd.conf
	check "that is a setting which a reload takes" vmseg reload
	ip link add veth1234 type veth peer name veth5678
	check_soon 10 "none: all are closed" unclaimed_are "veth1234 veth5678"
	ip link del veth1234
	check_soon 10 "until they are gone" unclaimed_are ""
}

# ---- directions -------------------------------------------------------------------------------

# A namespace that sends nothing by itself.
add_quiet() {
	ip netns add "$1"
	ip netns exec "$1" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
}

# A device with a guest at one end and the namespace "far" at the other: what either sends, and what
# has come to far.
add_far() {
	add_quiet far
	ip link add lower0 type veth peer name eth0 netns far
	echo 1 >/proc/sys/net/ipv6/conf/lower0/disable_ipv6
	ip link set lower0 up
	ip -netns far link set eth0 up
	ip link add link lower0 name mvt0 address $MAC type macvtap mode bridge
	echo 1 >/proc/sys/net/ipv6/conf/mvt0/disable_ipv6
	ip link set mvt0 up
	add_quiet box
	ip link add vth0 type veth peer name eth0 netns box address $MAC
	ip -netns box link set eth0 up
	ip link set vth0 up
}

# device_domain TYPE DEVICE: as KubeVirt and others write it, whatever the device is.
device_domain() {
	cat <<-XML
		<domain type='kvm'><name>box</name><uuid>$UUID</uuid>
		<metadata><vmseg:domain xmlns:vmseg='urn:vmseg:1'>
		  <vmseg:policy><vmseg:default in="deny" out="allow"/></vmseg:policy>
		  <vmseg:interface mac='$MAC'><vmseg:address ip='10.0.2.41'/></vmseg:interface>
		</vmseg:domain></metadata>
		<devices><interface type='$1'><mac address='$MAC'/>
		  <target dev='$2' managed='no'/></interface></devices></domain>
	XML
}

far_received() {
	ip netns exec far cat /sys/class/net/eth0/statistics/rx_packets
}

far_has() {
	[ "$(far_received)" = "$1" ]
}

# check_directions NAME DEVICE SENDER...: the guest sends by the sender; to it, far or this host does.
check_directions() {
	local name=$1 device=$2 before
	shift 2
	check_equal "$name: filtered in both directions" true \
		"$(show_port box '.hooked.in and .hooked.out')"
	before=$(far_received)
	"$@" -n 3 -i 1 -m 52:54:00:00:00:55 udp 10.0.2.41 10.0.2.1
	check_equal "$name: a forged MAC counts as what the guest sends" 3 "$(counter box out guard-mac)"
	"$@" -n 4 -i 1 udp 10.0.2.99 10.0.2.1
	check_equal "$name: so does a forged address" 4 "$(counter box out guard-ip)"
	"$@" -n 5 -i 1 udp 10.0.2.41 10.0.2.1
	check_equal "$name: what it may send is let out" "5 0" \
		"$(show_port box '[.counters[] | select(.direction == "out" and .verdict == "pass").packets] | add') $(
			counter box out policy)"
	[ "$device" != mvt0 ] || check_soon 10 "$name: nothing else arrives" far_has $((before + 5))
	if [ "$device" = mvt0 ]; then
		ip netns exec far "$TOOLS/send_frame" -n 6 -i 1 -t $MAC eth0 udp 10.0.2.9 10.0.2.41
	else
		"$TOOLS/send_frame" -n 6 -i 1 -t $MAC "$device" udp 10.0.2.9 10.0.2.41
	fi
	check_equal "$name: what comes to it is judged by what may come in" 6 "$(counter box in policy)"
}

# The option's place among send_frame's arguments is before the device.
send_from_macvtap() {
	local words=("$@")
	"$TOOLS/send_frame" "${words[@]:0:$#-3}" mvt0 "${words[@]: -3}"
}

send_from_box() {
	local words=("$@")
	ip netns exec box "$TOOLS/send_frame" "${words[@]:0:$#-3}" eth0 "${words[@]: -3}"
}

check_types() {
	local type
	stop_hostd
	start_hostd 'libvirt-uri = none' 'log-events = off'
	add_far
	for type in ethernet bridge network direct; do
		device_domain $type mvt0 | hook box start begin -
		check_directions "<interface type='$type'> on a macvtap" mvt0 send_from_macvtap
		device_domain $type mvt0 | hook box stopped end -
		device_domain $type vth0 | hook box start begin -
		check_directions "<interface type='$type'> on a veth" vth0 send_from_box
		device_domain $type vth0 | hook box stopped end -
	done
}

check_not_ethernet() {
	local said
	ip tuntap add tun5 mode tun
	said=$(device_domain ethernet tun5 | hook box start begin - 2>&1) || true
	check_contains "a device without Ethernet frames is refused" "tun5 is not an Ethernet device" \
		"$said"
	check_equal "... and nothing of the domain is left" "" "$(domain box .state)"
	ip link del tun5
}

set_up
check_closed
check_unheard
check_containers
check_types
check_not_ethernet
check_full
done_testing

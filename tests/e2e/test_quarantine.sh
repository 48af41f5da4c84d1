#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Devices that appear: closed until it is known whose they are, whoever that is.

set -euo pipefail
. "$(dirname "$0")/common.sh"

unclaimed() {
	vmseg status --json | jq -r '[.unclaimed[].device] | join(" ")'
}

unclaimed_are() {
	[ "$(unclaimed)" = "$1" ]
}

ports_used() {
	vmseg status --json | jq .datapath.ports.used
}

# A veth with a name of libvirt's; the other end stands for a guest.
add_stray() {
	ip netns add stray
	ip link add vnet77 type veth peer name eth0 netns stray
	ip link set vnet77 master "$VM_BRIDGE" up
	ip -netns stray addr add "$VM_NET4.77/24" dev eth0
	ip -netns stray link set eth0 up
}

ping_from_stray() {
	ip netns exec stray ping -q -c 1 -W 1 "$VM_NET4.1"
}

check_stray() {
	add_stray
	check_soon 30 "a device that nobody is known to own is shown" unclaimed_are vnet77
	check_fails "it passes nothing" ping_from_stray
	check "detach --all opens it" vmseg detach --all
	# Its ARP request from before is repeated once a second only.
	check_soon 30 "for good" ping_from_stray
	check_equal "it is not shown any more" "" "$(unclaimed)"
	ip link del vnet77
}

check_unmanaged_hotplug() {
	create_paused plain $CLIENT
	interface_xml 52:54:00:77:01:01 >"$LAB/nic.xml"
	virsh --quiet attach-device plain "$LAB/nic.xml" --live
	check_soon 30 "the NIC of a domain that is left alone is opened" unclaimed_are ""
	check_equal "nothing of vmseg's is left on it" 0 "$(ports_used)"
	destroy_vm plain
}

check_managed_hotplug() {
	local tap
	create_paused web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
	virsh --quiet attach-device web "$LAB/nic.xml" --live
	tap=$(virsh domiflist web | awk '/52:54:00:77:01:01/ { print $1 }')
	check_equal "the NIC of a managed domain is a port as soon as it is plugged in" 2 "$(ports_used)"
	check_soon 30 "and is the domain's" unclaimed_are ""
	check_equal "with the domain's policy" "web-server false" "$(vmseg show web --json |
		jq -r ".ports[] | select(.device == \"$tap\") | \"\(.policies[0]) \(.closed)\"")"
	destroy_vm web
}

# libvirtd may be back, and plug something in, before the daemon has noticed.
check_disconnected() {
	create_paused web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
	stop_libvirtd
	check_soon 30 "libvirtd is missed" libvirt_is_gone
	ip link add vnet79 type veth peer name peer79
	check_soon 30 "what appears meanwhile is closed, for a managed domain runs" unclaimed_are vnet79
	ip link del vnet79
	start_libvirtd
	check_soon 30 "libvirtd is found again" libvirt_connected
	destroy_vm web
}

libvirt_is_gone() {
	vmseg status --json | jq -e '.libvirt[0].connected | not'
}

# Without libvirt's word a device could stay closed for ever: then none is closed.
check_without_libvirt() {
	stop_hostd
	start_hostd 'libvirt-uri = none'
	ip link add vnet78 type veth peer name peer78
	check_equal "without libvirt no device is closed" "" "$(unclaimed)"
	ip link del vnet78
}

enter_lab "$@"
set_up
check_soon 30 "libvirt is watched" libvirt_connected
check_stray
check_unmanaged_hotplug
check_managed_hotplug
check_disconnected
check_without_libvirt
done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# NICs come, go and move, and links go down, while frames that are forbidden are sent to them and by
# them all the time. What the guest sees is the judge: a tap exists for some moments before anybody
# can know of it, and a frame that waits in it must not be delivered later.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/probe.sh"

NIC=52:54:00:77:01:01
OTHER_BRIDGE=vmbr1

# The NIC as `virsh domiflist` has it.
nic_tap() {
	virsh --quiet domiflist web | awk -v mac="$1" '$5 == mac { print $1 }'
}

# nic FILTER: a jq filter on the port of the NIC that is plugged in.
nic() {
	vmseg show web --json | jq -r ".ports[] | select(.mac == \"$NIC\") | $1"
}

nic_has_policy() {
	[ "$(nic '"\(.policies[0]) \(.closed) \(.hooked.in) \(.hooked.out)"')" = \
		"web-server false true true" ]
}

ports_are() {
	[ "$(vmseg show web --json | jq '.ports | length')" = "$1" ]
}

# check_start NAME DESCRIPTION: while frames are sent that the policy forbids.
check_start() {
	local name=$1
	probe_into "$name" $WEB "$PROBE_FORBIDDEN"
	await_probes "$name" tried 20
	VM_WORDS=watch create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
	probe_into "$name-allowed" $WEB "$PROBE_ALLOWED"
	check_soon 60 "$2 it sees what is allowed" guest_sees web "$name-allowed"
	check_equal "... and nothing of what is not" 0 "$(guest_count web "$name")"
	check "... which was dropped" [ "$(counter web in policy)" -gt 0 ]
	stop_probe "$name"
	stop_probe "$name-allowed"
}

# In the VM: from the moment that eth1 is there it sends with an address that is not its own.
start_spoofing() {
	in_vm web "(until ip link set eth1 up 2>/dev/null; do usleep 1000; done
		send_frame -n 0 -i 1 -k -c $1 -m 52:54:00:77:99:99 eth1 udp $(vm_ip4 99) $VM_NET4.1 \
			>/dev/null 2>&1) & echo \$! >/tmp/spoofing"
}

# plug NAME COMMAND...: the command plugs NIC into web; frames to it and from it meanwhile.
plug() {
	local name=$1
	shift
	probe_into "$name-forbidden" $WEB "$PROBE_FORBIDDEN" -t $NIC
	probe_into "$name-allowed" $WEB "$PROBE_ALLOWED" -t $NIC
	start_spoofing "$name-spoofed"
	await_probes "$name-forbidden" tried 20
	check "$name: a NIC is plugged in" "$@"
	check_soon 30 "... and has its domain's policy" nic_has_policy
	check_soon 60 "... its guest sees what is allowed" guest_sees web "$name-allowed"
	check_soon 60 "... it has sent what is not" probe_beyond "$name-spoofed" tried 50
}

# unplug NAME COMMAND...
unplug() {
	local name=$1
	shift
	check_none_passed "... nothing of which came out" "$name-spoofed"
	check_equal "... and nothing of what is forbidden came in" 0 \
		"$(guest_count web "$name-forbidden")"
	check "$name: the NIC is unplugged" "$@"
	check_soon 60 "... its port goes" ports_are 1
	check_equal "... with its links" "" "$(stray_links)"
	stop_probe "$name-forbidden"
	stop_probe "$name-allowed"
	in_vm web 'killall send_frame'
}

# Links of devices that are no more.
stray_links() {
	local link
	for link in /sys/fs/bpf/vmseg/links/*; do
		link=${link##*/}
		grep -q -x "${link%%-*}" /sys/class/net/*/ifindex || echo "$link"
	done
}

# check_device NAME [DEVICE]: by that name of the device, else by the one that libvirt gives it.
check_device() {
	interface_xml $NIC >"$LAB/nic.xml"
	[ -z "${2:-}" ] || sed -i "s|<model|<target dev='$2'/>&|" "$LAB/nic.xml"
	plug "$1" virsh --quiet attach-device web "$LAB/nic.xml" --live
	check_equal "... by this name" "${2:-$(nic_tap $NIC)}" "$(nic .device)"
	unplug "$1" virsh --quiet detach-device web "$LAB/nic.xml" --live
}

# vmseg-hostd does not hear of libvirtd yet when that has the NIC plugged in.
plug_after_restart() {
	restart_libvirtd
	virsh --quiet attach-interface web bridge "$VM_BRIDGE" --mac $NIC --model virtio --live
}

check_interface() {
	plug interface plug_after_restart
	check_moved
	check_link
	unplug interface virsh --quiet detach-interface web bridge --mac $NIC --live
}

# The same tap in another bridge.
check_moved() {
	local before
	before=$(nic '"\(.ifindex) \(.slot) \(.link_id.in) \(.link_id.out)"')
	# As attach-interface has made it: without a word about its ROM.
	interface_xml $NIC | sed "/rom/d; s/bridge='$VM_BRIDGE'/bridge='$OTHER_BRIDGE'/" >"$LAB/moved.xml"
	check "the NIC moves to another bridge" virsh --quiet update-device web "$LAB/moved.xml" --live
	check_equal "... is there" $OTHER_BRIDGE \
		"$(basename "$(readlink "/sys/class/net/$(nic_tap $NIC)/master")")"
	VM_BRIDGE=$OTHER_BRIDGE probe_into moved-forbidden $WEB "$PROBE_FORBIDDEN" -t $NIC
	VM_BRIDGE=$OTHER_BRIDGE probe_into moved-allowed $WEB "$PROBE_ALLOWED" -t $NIC
	await_probes moved-forbidden tried 50
	check_soon 30 "... what is allowed reaches it there" guest_sees web moved-allowed
	stop_probe moved-forbidden
	stop_probe moved-allowed
	check_equal "... what is forbidden does not" 0 "$(guest_count web moved-forbidden)"
	check_equal "... it is the same port" "$before" \
		"$(nic '"\(.ifindex) \(.slot) \(.link_id.in) \(.link_id.out)"')"
	sed -i "s/$OTHER_BRIDGE/$VM_BRIDGE/" "$LAB/moved.xml"
	check "... and moves back" virsh --quiet update-device web "$LAB/moved.xml" --live
}

link_down_and_up() {
	virsh --quiet domif-setlink web "$(vm_tap web)" down
	await_probes "forbidden-$probe_number" tried 50
	virsh --quiet domif-setlink web "$(vm_tap web)" up
}

check_link() {
	local before
	before=$(show_port web '"\(.slot) \(.link_id.in) \(.generation)"')
	through "a link goes down and comes up" $WEB lossless link_down_and_up
	check_equal "... which is the guest's affair" "$before" \
		"$(show_port web '"\(.slot) \(.link_id.in) \(.generation)"')"
	check_soon 30 "... and its guest answers again" answers_host
}

answers_host() {
	"$TOOLS/ask" -w $SILENCE_SECONDS udp "$(vm_ip4 $WEB)" 7000
}

enter_lab "$@"
set_up 'libvirt-uri = none'
add_bridge $OTHER_BRIDGE
start_watch
PROBE_MS=1
check_start start-alone "a VM starts; without libvirt's events"
destroy_vm web
stop_hostd
start_hostd 'log-level = info'
check_soon 30 "libvirt is connected to" libvirt_connected
check_start start-usual "a VM starts;"
in_vm web 'echo_server 22 7000 >/dev/null 2>&1 &'
check_device device
check_device opennebula one-7-1
check_device nova tap3f2a91c0-5e
check_interface
done_testing

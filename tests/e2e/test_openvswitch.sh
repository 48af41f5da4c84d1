#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# VMs on Open vSwitch's userspace datapath: it takes what a guest sends from a packet socket, before
# any program of TC. That cannot be filtered, so it is refused, or said.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/openvswitch.sh"

NIC=52:54:00:77:01:01

# Another NIC, on Open vSwitch.
ovs_interface_xml() {
	cat <<-EOF
		<interface type='bridge'><mac address='$1'/><source bridge='br-ovs'/>
		<virtualport type='openvswitch'/><model type='virtio'/><rom enabled='no'/></interface>
	EOF
}

# create_ovs_vm NAME N: a VM whose NIC is on Open vSwitch.
create_ovs_vm() {
	domain_xml "$1" "$2" "$(metadata "$2" '<policy ref="web-server"/>')" |
		sed "s|<source bridge='$VM_BRIDGE'/>|<source bridge='br-ovs'/><virtualport type='openvswitch'/>|" \
			>"$LAB/$1.xml"
	virsh --quiet create "$LAB/$1.xml"
}

problems_are() {
	[ "$(vmseg status --json | jq '.problems | length')" = "$1" ]
}

metric() {
	curl -s --unix-socket "$LAB_RUN/metrics" http://localhost/metrics | sed -n "s/^$1.* //p"
}

received() {
	cat /sys/class/net/br-ovs/statistics/rx_packets
}

check_refused() {
	local said
	said=$(create_ovs_vm web $WEB 2>&1) || true
	check_contains "a VM on the userspace datapath is refused" "Open vSwitch's userspace datapath" \
		"$said"
	check_contains "... with what to do" "unfilterable-interfaces = ignore" "$said"
	check_equal "... and nothing is left" "0 0" \
		"$(vmseg status --json | jq .datapath.ports.used) $(virsh list --name | grep -c . || true)"
}

said_to_be_unfilterable() {
	vmseg status | grep -q "cannot be filtered: a packet socket"
}

nic_is_closed() {
	[ "$(vmseg show client --json |
		jq ".ports[] | select(.mac == \"$NIC\").closed")" = true ]
}

check_hot_plug() {
	create_vm client $CLIENT "$(metadata $CLIENT '<policy ref="web-server"/>')"
	ovs_interface_xml $NIC >"$LAB/nic.xml"
	check "a NIC on it is plugged in" virsh --quiet attach-device client "$LAB/nic.xml" --live
	check_soon 30 "... which is a problem that says why" said_to_be_unfilterable
	check "... and it passes nothing to its guest" nic_is_closed
	vmseg reload
	check "... nor after a reload" nic_is_closed
	check "... for the same reason" said_to_be_unfilterable
	check_equal "... while the other is filtered as before" "web-server" \
		"$(show_port client '.policies[0]')"
	destroy_vm client
}

check_ignored() {
	local before dropped
	check "where it is to be ignored such a VM starts" create_ovs_vm web $WEB
	in_vm web true
	check_soon 30 "... with a problem" problems_are 1
	check_contains "... that says what is not filtered" "packets from its guest are not filtered" \
		"$(vmseg status)"
	check_equal "... in the list, too" stale \
		"$(vmseg list --json | jq -r '.domains[] | select(.name == "web").state')"
	check_equal "... and metrics" "1 1" \
		"$(metric vmseg_port_bypassed) $(metric vmseg_unfiltered_interface)"
	check_equal "... and listed as unfiltered" "$(vm_tap web)" \
		"$(vmseg status --json | jq -r '[.unfiltered[].name] | join(" ")')"
	# Answers have no good checksum: the switch leaves out what a NIC would fill in.
	"$TOOLS/ask" -w $SILENCE_SECONDS tcp 10.78.0.10 7000 || true
	check "what may come to the guest is let in" [ "$(counter web in new)" -gt 0 ]
	"$TOOLS/ask" -w $SILENCE_SECONDS tcp 10.78.0.10 22 || true
	check "what may not is dropped" [ "$(counter web in policy)" -gt 0 ]
	dropped=$(counter web out guard-ip)
	before=$(received)
	in_vm web "send_frame -n 10 eth0 udp 10.78.0.99 10.78.0.1"
	check_soon 30 "what the guest forges arrives" arrived $((before + 10))
	check_equal "... although it is counted as dropped" $((dropped + 10)) \
		"$(counter web out guard-ip)"
	check_moved
}

arrived() {
	[ "$(received)" -ge "$1" ]
}

check_moved() {
	ovs-vsctl --timeout=30 del-port br-ovs "$(vm_tap web)"
	ip link set "$(vm_tap web)" master "$VM_BRIDGE"
	check_soon 30 "moved to a bridge in the kernel it has no problem" problems_are 0
	check_equal "... in the metric, too" 0 "$(metric vmseg_port_bypassed)"
	check_equal "... nor is it unfiltered" "" "$(vmseg status --json | jq -r '.unfiltered[].name')"
	check_equal "... nor in the list" enforce \
		"$(vmseg list --json | jq -r '.domains[] | select(.name == "web").state')"
	destroy_vm web
}

enter_lab "$@"
need curl
set_up "metrics-listen = $LAB_RUN/metrics"
start_openvswitch
add_ovs_bridge br-ovs 10.78.0.1/24 datapath_type=netdev
check_soon 30 "libvirt is watched" libvirt_connected
VM_NET4=10.78.0 check_refused
check_hot_plug
stop_hostd
start_hostd "log-level = debug" "metrics-listen = $LAB_RUN/metrics" "unfilterable-interfaces = ignore"
VM_NET4=10.78.0 check_ignored
stop_vswitchd
done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a filter adds to `virsh create` and `virsh destroy`, by turns: nothing, vmseg, libvirt's
# nwfilter. The VM stays paused: what is measured is libvirt's own work and what is added to it.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/lab.sh"
. "$here/../harness/libvirt.sh"
. "$here/../harness/hostd.sh"
. "$here/../harness/vm.sh"
enter_lab "$@"
. "$here/lib.sh"

need jq

ROUNDS=${ROUNDS:-5}
[ -z "$SHORT" ] || ROUNDS=1
NUMBER=40

disable_vmseg() {
	rm -f /etc/libvirt/hooks/qemu.d/vmseg
	kill -STOP "$hostd_pid"
}

enable_vmseg() {
	kill -CONT "$hostd_pid"
	install_hook "$BUILD/vmseg-hook"
}

milliseconds_of() {
	local before=${EPOCHREALTIME/./}
	"$@" >>"$LAB/virsh.log"
	awk -v us=$((${EPOCHREALTIME/./} - before)) 'BEGIN { printf "%.1f", us / 1000 }'
}

write_domains() {
	local filterref
	filterref="<filterref filter='bench'><parameter name='IP' value='$(vm_ip4 $NUMBER)'/></filterref>"
	domain_xml probe $NUMBER >"$LAB/nothing.xml"
	domain_xml probe $NUMBER "$(metadata $NUMBER '<policy ref="web-server"/>')" >"$LAB/vmseg.xml"
	sed "s|</interface>|$filterref</interface>|" "$LAB/nothing.xml" >"$LAB/nwfilter.xml"
}

# start_once PEER
start_once() {
	note start/create "$1" "$(milliseconds_of virsh create --paused "$LAB/$1.xml")"
	[ "$1" != vmseg ] || [ "$(show_port probe .session_limit)" -gt 0 ] ||
		die "vmseg: the VM is not filtered"
	note start/destroy "$1" "$(milliseconds_of virsh destroy probe)"
}

add_bridge "$VM_BRIDGE" "$VM_NET4.1/24" "${VM_NET6}1/64"
install_hook "$BUILD/vmseg-hook"
install_policies
start_hostd "log-level = warning"
start_libvirtd
virsh --quiet nwfilter-define "$here/nwfilter.xml"
write_domains
# libvirt asks QEMU once what it can do.
virsh --quiet create --paused "$LAB/nothing.xml"
destroy_vm probe

for peer in nothing vmseg nwfilter; do
	base=$([ $peer = nothing ] || echo nothing)
	figure start/create $peer ms lower "$base"
	figure start/destroy $peer ms lower "$base"
done
# vmseg is cheap to try, nwfilter is not: three turns of the others for each of its.
for ((round = 1; round <= ROUNDS; round++)); do
	for ((turn = 0; turn < 3; turn++)); do
		disable_vmseg
		start_once nothing
		enable_vmseg
		start_once vmseg
	done
	disable_vmseg
	start_once nwfilter
	enable_vmseg
	say "virsh create: round $round of $ROUNDS"
done
write_figures

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a filter adds to `virsh create` and `virsh destroy`, by turns:
#
#   nothing              no filter, no hook
#   empty hook           a hook that does nothing: what libvirt takes to run it
#   vmseg, vmseg-clsact  attached by TCX and by clsact
#   nwfilter             libvirt's
#
# The VM stays paused: what is measured is libvirt's own work and what is added to it.

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

HOOK=/etc/libvirt/hooks/qemu.d/vmseg

# hook_up PROGRAM: and time for all that happens to the host's devices to be over.
hook_up() {
	install_hook "$1"
	sleep 1
}

nothing_up() {
	rm -f $HOOK
	sleep 1
}
nothing_down() { :; }

empty-hook_up() { hook_up /bin/true; }
empty-hook_down() { :; }

# vmseg_up [METHOD]: only the daemon whose turn it is runs.
vmseg_up() {
	ln -sfn "${1:-tcx}.conf" /etc/vmseg/hostd.conf
	kill -CONT "${method_pid[${1:-tcx}]}"
	hook_up "$BUILD/vmseg-hook"
}

vmseg_down() {
	kill -STOP "${method_pid[${1:-tcx}]}"
}

vmseg-clsact_up() { vmseg_up clsact; }
vmseg-clsact_down() { vmseg_down clsact; }

nwfilter_up() { nothing_up; }
nwfilter_down() { :; }

milliseconds_of() {
	local before=${EPOCHREALTIME/./}
	"$@" >>"$LAB/virsh.log"
	awk -v us=$((${EPOCHREALTIME/./} - before)) 'BEGIN { printf "%.1f", us / 1000 }'
}

write_domains() {
	local filterref
	filterref="<filterref filter='bench'><parameter name='IP' value='$(vm_ip4 $NUMBER)'/></filterref>"
	domain_xml probe $NUMBER >"$LAB/nothing.xml"
	cp "$LAB/nothing.xml" "$LAB/empty-hook.xml"
	domain_xml probe $NUMBER "$(metadata $NUMBER '<policy ref="web-server"/>')" >"$LAB/vmseg.xml"
	cp "$LAB/vmseg.xml" "$LAB/vmseg-clsact.xml"
	sed "s|</interface>|$filterref</interface>|" "$LAB/nothing.xml" >"$LAB/nwfilter.xml"
}

# check_filtered PEER
check_filtered() {
	local method=tcx
	[ "$1" = vmseg ] || method=clsact
	[ "$(vmseg_of $method show probe --json | jq '.ports[0].session_limit')" -gt 0 ] ||
		die "$1: the VM is not filtered"
}

# start_once PEER
start_once() {
	"$1_up"
	note start/create "$1" "$(milliseconds_of virsh create --paused "$LAB/$1.xml")"
	[[ "$1" != vmseg* ]] || check_filtered "$1"
	note start/destroy "$1" "$(milliseconds_of virsh destroy probe)"
	"$1_down"
}

add_bridge "$VM_BRIDGE" "$VM_NET4.1/24" "${VM_NET6}1/64"
install_hook /bin/true
install_policies
start_libvirtd
for method in tcx clsact; do
	start_method_daemon $method
	kill -STOP "${method_pid[$method]}"
done
virsh --quiet nwfilter-define "$here/nwfilter.xml"
write_domains
# libvirt asks QEMU once what it can do.
virsh --quiet create --paused "$LAB/nothing.xml"
destroy_vm probe

for peer in nothing empty-hook vmseg vmseg-clsact nwfilter; do
	base=$([ $peer = nothing ] || echo nothing)
	figure start/create $peer ms lower "$base"
	figure start/destroy $peer ms lower "$base"
done
# The others are cheap to try, nwfilter is not: three turns of the others for each of its.
for ((round = 1; round <= ROUNDS; round++)); do
	for ((turn = 0; turn < 3; turn++)); do
		for peer in nothing empty-hook vmseg vmseg-clsact; do
			start_once $peer
		done
	done
	start_once nwfilter
	say "virsh create: round $round of $ROUNDS"
done
write_figures

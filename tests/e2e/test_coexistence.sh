#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What else libvirt puts on a VM's device: <bandwidth>, domiftune and nwfilter. With TCX all of it
# works beside vmseg; with clsact what cannot is refused.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/tc.sh"

# with_bandwidth IN|OUT...: the XML of web, its NIC limited in these directions.
with_bandwidth() {
	local limits=''
	for direction in "$@"; do
		limits+="<${direction}bound average='4000' peak='8000' burst='1024'/>"
	done
	domain_xml web $WEB "$(metadata $WEB '<policy ref="web-server"/>')" |
		sed "s|<model type='virtio'/>|&<bandwidth>$limits</bandwidth>|"
}

# qdiscs DEVICE: their kinds, in order.
qdiscs() {
	tc qdisc show dev "$1" | awk '{ print $2 }' | sort | xargs
}

ask_web() {
	"$TOOLS/ask" "$@" || [ $? -le 2 ]
}

# The VM answers on ports that policy allows, and on one that it does not.
start_server() {
	in_vm web 'echo_server 22 80 7000 >/dev/null 2>&1 &'
	wait_for 30 in_vm web 'ask -w 1 tcp 127.0.0.1 7000' || die "no server in the VM"
}

# check_filtered WHEN: what policy says holds, both ways.
check_filtered() {
	local address
	for address in "$(vm_ip4 $WEB)" "$(vm_ip6 $WEB)"; do
		check_equal "$1: what policy allows is answered: $address" answered \
			"$(ask_web -w $ANSWER_SECONDS tcp "$address" 80)"
		check_equal "$1: what it denies is not: $address" silence \
			"$(ask_web -w $SILENCE_SECONDS tcp "$address" 22)"
	done
	check "$1: both directions are hooked" hooked
}

hooked() {
	[ "$(show_port web '.hooked.in and .hooked.out')" = true ]
}

count_repairs() {
	grep -c "is filtered again" "$LAB/hostd.log" || true
}

check_bandwidth_with_tcx() {
	local tap before
	with_bandwidth in out >"$LAB/web.xml"
	check "TCX: a VM with <bandwidth> in both directions starts" \
		virsh --quiet create "$LAB/web.xml"
	tap=$(vm_tap web)
	start_server
	check_contains "and has libvirt's qdiscs" "htb ingress" "$(qdiscs "$tap")"
	check_filtered "with them"
	before=$(tc class show dev "$tap")
	check "domiftune changes both live" \
		virsh --quiet domiftune web "$tap" --live --inbound 3000,6000,512 --outbound 2000,3000,256
	check "really" [ "$(tc class show dev "$tap")" != "$before" ]
	check_filtered "after that"
	check "domiftune takes them away" \
		virsh --quiet domiftune web "$tap" --live --inbound 0 --outbound 0
	check_equal "all" noqueue "$(qdiscs "$tap")"
	check_filtered "without them"
	check_equal "nothing of vmseg's had to be put back" 0 "$(count_repairs)"
}

# A filter of libvirt's on the same NIC: a packet must please both.
check_nwfilter() {
	local before
	echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
	cat >"$LAB/filter.xml" <<-EOF
		<filter name='no-echo' chain='root'>
		  <rule action='drop' direction='in' priority='100'><tcp dstportstart='7000'/></rule>
		  <rule action='accept' direction='inout' priority='500'><all/></rule>
		</filter>
	EOF
	virsh --quiet nwfilter-define "$LAB/filter.xml"
	cat >"$LAB/binding.xml" <<-EOF
		<filterbinding>
		  <owner><name>web</name><uuid>$(virsh domuuid web | head -n 1)</uuid></owner>
		  <portdev name='$(vm_tap web)'/>
		  <mac address='$(vm_mac $WEB)'/>
		  <filterref filter='no-echo'/>
		</filterbinding>
	EOF
	check_equal "before, echo is answered" answered \
		"$(ask_web -w $ANSWER_SECONDS tcp "$(vm_ip4 $WEB)" 7000)"
	check "nwfilter gets the same NIC" virsh --quiet nwfilter-binding-create "$LAB/binding.xml"
	check_equal "what both allow is answered" answered \
		"$(ask_web -w $ANSWER_SECONDS tcp "$(vm_ip4 $WEB)" 80)"
	check_equal "what nwfilter denies is not" silence \
		"$(ask_web -w $SILENCE_SECONDS tcp "$(vm_ip4 $WEB)" 7000)"
	before=$(counter web in policy)
	check_equal "nor what vmseg denies" silence \
		"$(ask_web -w $SILENCE_SECONDS tcp "$(vm_ip4 $WEB)" 22)"
	check "and that is counted by vmseg's policy" [ "$(counter web in policy)" -gt "$before" ]
	check "both directions are hooked" hooked
	virsh --quiet nwfilter-binding-delete "$(vm_tap web)"
	check_equal "without nwfilter echo is answered again" answered \
		"$(ask_web -w $ANSWER_SECONDS tcp "$(vm_ip4 $WEB)" 7000)"
	echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
}

# refused_start FILE: what virsh says.
refused_start() {
	virsh --quiet create --paused "$1" 2>&1 && echo "(it started)"
}

check_bandwidth_with_clsact() {
	local tap said
	with_bandwidth in out >"$LAB/web.xml"
	said=$(refused_start "$LAB/web.xml") || true
	check_contains "clsact: <outbound> is refused, with the reason" \
		"<bandwidth> with <outbound>, which needs a qdisc in the place of vmseg's clsact qdisc" "$said"
	sed "s|<interface type='bridge'>|<interface type='direct'>|; s|<source bridge='.*'/>|<source dev='$VM_BRIDGE' mode='bridge'/>|
		s|<outbound .*|</bandwidth>|" "$LAB/web.xml" >"$LAB/direct.xml"
	said=$(refused_start "$LAB/direct.xml") || true
	check_contains "of a macvtap <inbound> is" \
		"<bandwidth> with <inbound>, which needs a qdisc in the place of vmseg's clsact qdisc" "$said"
	check_equal "nothing is left behind" "" "$(vmseg list --json | jq -r '.domains[].name')"

	with_bandwidth in >"$LAB/web.xml"
	check "<inbound> alone is no trouble" virsh --quiet create "$LAB/web.xml"
	tap=$(vm_tap web)
	start_server
	check_contains "beside clsact" "clsact htb" "$(qdiscs "$tap")"
	check_filtered "with it"
	check "domiftune changes it live" \
		virsh --quiet domiftune web "$tap" --live --inbound 3000,6000,512
	check_fails "and cannot add what the guest sends" \
		virsh --quiet domiftune web "$tap" --live --outbound 2000,3000,256
	check_contains "clsact stays" clsact "$(qdiscs "$tap")"
	check_filtered "after all that"
	destroy_vm web
}

# What is left alone gets what libvirt gives it; its devices are not even closed for a moment.
check_unmanaged_with_clsact() {
	local tap
	with_bandwidth in out | sed '/<domain xmlns/,/<.domain>$/d' >"$LAB/web.xml"
	check_soon 30 "libvirt is watched, so new devices are closed" libvirt_connected
	check "clsact: an unmanaged VM with <outbound> starts" \
		virsh --quiet create --paused "$LAB/web.xml"
	tap=$(vm_tap web)
	check_contains "with libvirt's qdiscs" "htb ingress" "$(qdiscs "$tap")"
	check_equal "and nothing of vmseg's" 0 "$(vmseg status --json | jq .datapath.ports.used)"
	destroy_vm web
	create_paused client $CLIENT "$(metadata $CLIENT '<policy ref="desktop"/>')"
	ip link add vnet77 type veth peer name stray
	check_soon 30 "after it devices are closed again" unclaimed_are vnet77
	ip link del vnet77
	destroy_vm client
}

libvirt_connected() {
	vmseg status --json | jq -e '.libvirt[0].connected'
}

unclaimed_are() {
	[ "$(vmseg status --json | jq -r '[.unclaimed[].device] | join(" ")')" = "$1" ]
}

# With the device in quarantine clsact is there before libvirt's qdisc could be; without it vmseg
# finds that qdisc in its place.
check_live_without_quarantine() {
	stop_hostd
	start_hostd "attach = clsact" "quarantine = off" "require-daemon = never"
	create_paused web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
	stop_hostd
	vmseg detach --all
	tc qdisc add dev "$(vm_tap web)" ingress
	start_hostd
	check_soon 30 "a qdisc in clsact's place on a running VM's device is a problem that is said" \
		eval 'vmseg status | grep -q "web.*qdisc.*ingress"'
	check_equal "and listed" stale "$(vmseg list --json | jq -r '.domains[0].state')"
	destroy_vm web
}

enter_lab "$@"
install_tc
set_up
if [ "$(vmseg status --json | jq -r .datapath.attach)" = tcx ]; then
	check_bandwidth_with_tcx
	check_nwfilter
	destroy_vm web
else
	report 0 "TCX # SKIP this kernel has none"
fi
stop_hostd
start_hostd "log-level = debug" "attach = clsact"
check_bandwidth_with_clsact
check_unmanaged_with_clsact
check_live_without_quarantine
done_testing

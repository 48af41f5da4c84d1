#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo: three real VMs on a bridge, filtered by what their domain XML says. It shows with
# traffic from inside the VMs what passes, what does not and why, and what vmseg costs when a VM
# starts. KEEP=1 leaves a shell in the lab at the end.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/lab.sh"
. "$here/../harness/libvirt.sh"
. "$here/../harness/hostd.sh"
. "$here/../harness/vm.sh"

enter_lab "$@"

WEB=10 CLIENT=20 INTRUDER=30
STARTS=5

claims=0
broken=0

section() {
	printf '\n%s\n' "$1"
}

# claim TEXT COMMAND...: one line, and whether it is true.
claim() {
	local text=$1 status=0
	shift
	"$@" >>"$LAB/claims.log" 2>&1 || status=$?
	claims=$((claims + 1))
	if [ $status -eq 0 ]; then
		printf '  ok      %s\n' "$text"
	else
		broken=$((broken + 1))
		printf '  NOT ok  %s\n' "$text"
		printf 'NOT ok: %s\n  %s ended with status %d\n' "$text" "$*" "$status" \
			>>"$LAB/claims.log"
	fi
}

# show COMMAND...: what a person would type, and what comes.
show() {
	printf '\n  $ %s\n' "$*"
	"$@" 2>&1 | sed 's/^/    /'
}

gets_no_ping() {
	! in_vm client ping -c 1 -W $SILENCE_SECONDS "$1"
}

page_comes() {
	[ "$(get_page client "$1")" = "hello from web" ]
}

# counted NAME DIRECTION REASON: vmseg has counted packets with that reason.
counted() {
	[ "$(counter "$@")" -gt 0 ]
}

# ---- what a start costs --------------------------------------------------------------------

milliseconds_of() {
	local before=${EPOCHREALTIME/./}
	"$@" >>"$LAB/claims.log"
	printf '%d\n' $(((${EPOCHREALTIME/./} - before) / 1000))
}

median() {
	sort -n "$1" | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'
}

# time_start KIND: one create and one start, into create.KIND and start.KIND. The VM stays paused:
# what is measured is libvirt's own work, and what vmseg adds to it.
time_start() {
	milliseconds_of virsh create --paused "$LAB/probe-$1.xml" >>"$LAB/create.$1"
	destroy_vm probe
	virsh --quiet define "$LAB/probe-$1.xml"
	milliseconds_of virsh start --paused probe >>"$LAB/start.$1"
	destroy_vm probe
	virsh --quiet undefine probe
}

# With and without by turns, so that whatever else the machine does concerns both.
time_starts() {
	local i
	domain_xml probe 40 >"$LAB/probe-without.xml"
	domain_xml probe 40 "$(metadata 40 '<policy ref="web-server"/>')" >"$LAB/probe-with.xml"
	for ((i = 0; i < STARTS; i++)); do
		disable_vmseg
		time_start without
		enable_vmseg
		time_start with
	done
}

# No hook, and a daemon that does nothing.
disable_vmseg() {
	rm /etc/libvirt/hooks/qemu.d/vmseg
	kill -STOP "$hostd_pid"
}

enable_vmseg() {
	kill -CONT "$hostd_pid"
	install_hook "$BUILD/vmseg-hook"
}

print_times() {
	local what without with
	for what in create start; do
		without=$(median "$LAB/$what.without")
		with=$(median "$LAB/$what.with")
		printf '  virsh %-7s %4d ms without vmseg, %4d ms with it: %+d ms\n' \
			"$what" "$without" "$with" $((with - without))
	done
}

# ---- the lab -------------------------------------------------------------------------------

add_bridge "$VM_BRIDGE" "$VM_NET4.1/24" "${VM_NET6}1/64"
install_hook "$BUILD/vmseg-hook"
install_policies
start_hostd "log-level = info"
start_libvirtd

section "What vmseg adds to a start (median of $STARTS, with and without by turns, VM paused)"
time_starts
print_times

section "Three VMs start on one bridge: web ($(vm_ip4 $WEB)), client ($(vm_ip4 $CLIENT)), intruder ($(vm_ip4 $INTRUDER))"
create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
create_vm client $CLIENT "$(metadata $CLIENT '<policy ref="desktop"/>')"
create_vm intruder $INTRUDER \
	"$(metadata $INTRUDER '<policy ref="desktop"/><limits sessions="5"/>')"
in_vm web 'mkdir /www; echo hello from web >/www/index.html; httpd -p 80 -h /www
	echo_server 22 7000 >/dev/null 2>&1 &'
in_vm client true
in_vm intruder true
show vmseg list

section "What the policy allows passes, what it does not is dropped"
claim "client reads web's page over IPv4 (tcp 80)" page_comes "$(vm_ip4 $WEB)"
claim "client reads web's page over IPv6 (tcp 80)" page_comes "[$(vm_ip6 $WEB)]"
claim "client pings web over IPv4" pings client "$(vm_ip4 $WEB)"
claim "client pings web over IPv6" pings client "$(vm_ip6 $WEB)"
claim "client gets no answer from web's tcp 22 over IPv4" is_silent client tcp "$(vm_ip4 $WEB)" 22
claim "client gets no answer from web's tcp 22 over IPv6" is_silent client tcp "$(vm_ip6 $WEB)" 22
claim "... which web's port counts as dropped by policy" counted web in policy
show vmseg explain web in tcp "$(vm_ip4 $CLIENT):40000" ":80"
show vmseg explain web in tcp "$(vm_ip4 $CLIENT):40000" ":22"

section "Nobody sends with another's address"
in_vm intruder "send_frame -n 5 eth0 udp $(vm_ip4 $CLIENT) $(vm_ip4 $WEB)"
claim "intruder sends with client's IPv4 address: dropped, counted as guard-ip" \
	counted intruder out guard-ip
before=$(counter intruder out guard-ip)
in_vm intruder "send_frame -n 5 eth0 udp $(vm_ip6 $CLIENT) $(vm_ip6 $WEB)"
claim "intruder sends with client's IPv6 address: dropped, counted as guard-ip" \
	[ "$(counter intruder out guard-ip)" -ge $((before + 5)) ]
in_vm intruder "send_frame -n 5 -m $(vm_mac $CLIENT) eth0 udp $(vm_ip4 $INTRUDER) $(vm_ip4 $WEB)"
claim "intruder sends with client's MAC address: dropped, counted as guard-mac" \
	counted intruder out guard-mac

section "A VM has its own session limit (intruder: 5), and reaching it costs no live session"
start_hold client "$(vm_ip4 $WEB)" 7000 3
start_hold intruder "$(vm_ip4 $WEB)" 7000 8
claim "intruder opens 8 connections: 5 are there" wait_for 30 holds intruder 7000 alive 5
claim "... and 3 are refused, counted as session-limit" counted intruder out session-limit
before=$(hold_now intruder 7000 echoes)
claim "... while the 5 go on" wait_for 30 echoes_beyond intruder 7000 $((before + 20))
claim "client's 3 connections are untouched" wait_for 30 holds client 7000 alive 3
show vmseg sessions web
show vmseg status

section "A live policy change cuts what it forbids: web now takes tcp 80 only (virsh metadata --set)"
set_metadata web "$(metadata $WEB '<policy ref="web-only"/>')"
claim "client's open connections are cut" wait_for 30 holds client 7000 waiting 3
claim "... counted as revoked" counted web in revoked
claim "client still reads web's page" page_comes "$(vm_ip4 $WEB)"
claim "client's ping gets no answer any more" gets_no_ping "$(vm_ip4 $WEB)"

if [ -n "${KEEP:-}" ]; then
	section "A shell in the lab: in_vm NAME COMMAND, vmseg, virsh. It all ends with exit."
	export -f vmseg in_vm vm_socket
	export BUILD TOOLS LAB_RUN
	bash --norc -i || true
fi

section "$((claims - broken)) of $claims claims are ok, after $SECONDS s"
[ $broken -eq 0 ]

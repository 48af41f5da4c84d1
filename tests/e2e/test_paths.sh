#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every way in which a domain comes, pauses, changes and goes, with frames to it all the while: what
# its policy forbids never reaches it, what it allows does whenever its guest is there.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/probe.sh"

OTHER_BRIDGE=vmbr1
OTHER_NIC=52:54:00:77:01:02
WEB_METADATA=$(metadata $WEB '<policy ref="web-server"/>')

# A persistent domain with NICs on two bridges, that reboots when its guest does.
web_xml() {
	local other
	other=$(interface_xml $OTHER_NIC | sed "s/bridge='$VM_BRIDGE'/bridge='$OTHER_BRIDGE'/")
	VM_WORDS=watch domain_xml web $WEB "$WEB_METADATA" |
		sed 's/<on_reboot>destroy/<on_reboot>restart/' |
		awk -v other="$other" '/<\/devices>/ { print other } { print }'
}

identity() {
	vmseg show "$1" --json | jq -r '[.ports[] | .ifindex, .slot, .link_id.in, .link_id.out,
		.session_map_id] | join(" ")'
}

ports_are_hooked() {
	[ "$(vmseg show "$1" --json | jq '[.ports[] | select(.hooked.in and .hooked.out)] | length')" = 2 ]
}

is_known() {
	vmseg list --json | jq -e ".domains[] | select(.name == \"$1\")"
}

is_unknown() {
	! is_known "$1"
}

# comes DESCRIPTION NAME COMMAND...: the command brings a guest that was not there.
comes() {
	local description=$1 name=$2
	shift 2
	probe_number=$((probe_number + 1))
	probe_into "allowed-$probe_number" $WEB "$PROBE_ALLOWED"
	probe_into "forbidden-$probe_number" $WEB "$PROBE_FORBIDDEN"
	await_probes "forbidden-$probe_number" tried 20
	"$@" >"$LAB/comes.out" 2>&1 || true
	check_soon 30 "$description" ports_are_hooked "$name"
	check_soon 60 "... the guest sees what is allowed" guest_sees "$name" "allowed-$probe_number"
	stop_probe "allowed-$probe_number"
	stop_probe "forbidden-$probe_number"
	check_equal "... and nothing of what is forbidden" 0 \
		"$(guest_count "$name" "forbidden-$probe_number")"
}

# goes DESCRIPTION NAME COMMAND...: the command ends the guest.
goes() {
	local description=$1 name=$2 status=0
	shift 2
	probe_number=$((probe_number + 1))
	probe_into "forbidden-$probe_number" $WEB "$PROBE_FORBIDDEN"
	await_probes "forbidden-$probe_number" tried 20
	"$@" >"$LAB/goes.out" 2>&1 || status=$?
	check_soon 60 "$description" is_unknown "$name"
	check_equal "... and leaves nothing behind" "$PINS" "$(list_pins)"
	await_probes "forbidden-$probe_number" tried 20
	stop_probe "forbidden-$probe_number"
	check_none_passed "... nor did it see what is forbidden" "forbidden-$probe_number"
}

# stays DESCRIPTION COMMAND...: one that goes on with the same ports.
stays() {
	local before
	before=$(identity web)
	through "$1" $WEB lossless "${@:2}"
	check_equal "... the ports are the same" "$before" "$(identity web)"
}

# ---- a guest that stays -----------------------------------------------------------------------

suspend_and_resume() {
	virsh --quiet suspend web
	await_probes "forbidden-$probe_number" tried 50
	virsh --quiet resume web
}

# The guest's watch begins anew when it boots: a probe that it has not seen before tells.
boots_again() {
	probe_into "boot-$probe_number" $WEB "$PROBE_ALLOWED"
	"$@"
	wait_for 60 guest_sees web "boot-$probe_number"
	stop_probe "boot-$probe_number"
}

reboot_from_inside() {
	in_vm web 'sync; (sleep 1; reboot -f) >/dev/null 2>&1 &'
	wait_for 400 guest_forgets
	in_vm web true
}

# What is asked while it reboots may never be answered: better to ask again, and to give it more time
# then: how long an answer takes depends on what else the machine does.
guest_forgets() {
	forget_seconds=$((${forget_seconds:-5} * 2))
	[ "$(timeout "$forget_seconds" "$TOOLS/guest_run" "$(vm_socket web)" \
		'ls /tmp/before 2>/dev/null || echo forgotten')" = forgotten ]
}

check_stays() {
	in_vm web 'touch /tmp/before'
	stays "a guest is suspended and resumed" suspend_and_resume
	stays "a guest reboots" reboot_from_inside
	check_equal "... and sees nothing of what is forbidden" 0 \
		"$(guest_count web "forbidden-$probe_number")"
	in_vm web 'touch /tmp/before'
	stays "a guest is reset" virsh --quiet reset web
	forget_seconds=5
	check "... really" wait_for 400 guest_forgets
}

# ---- one that is saved ------------------------------------------------------------------------

# The host holds connections to web; their last figures.
host_holds() {
	[ "$(tail -n 1 "$LAB/hold" | sed -n 's/.*alive=\([0-9]*\).*/\1/p')" = "$1" ]
}

web_answers() {
	"$TOOLS/ask" -w $SILENCE_SECONDS tcp "$(vm_ip4 $WEB)" 7000
}

check_saved() {
	in_vm web 'echo_server 22 7000 >/dev/null 2>&1 &'
	check_soon 30 "web answers" web_answers
	"$TOOLS/hold" "$(vm_ip4 $WEB)" 7000 2 >"$LAB/hold" &
	local hold=$!
	check_soon 30 "connections to web are open" host_holds 2
	goes "managed save ends the domain" web virsh managedsave web
	comes "its start restores it" web virsh start web
	check_soon 60 "... its connections go on" host_holds 2
	goes "save ends it, too," web virsh save web "$LAB/web.saved"
	comes "and restore brings it back" web virsh restore "$LAB/web.saved"
	check_soon 60 "... its connections go on" host_holds 2
	kill $hold
}

# ---- metadata -----------------------------------------------------------------------------------

change_metadata() {
	virsh --quiet metadata "$1" --uri urn:vmseg:1 --key vmseg "${@:2}"
}

policies_are() {
	[ "$(vmseg show "$1" --json | jq -r '[.ports[].policies[0]] | unique | join(" ")')" = "$2" ]
}

is_unmanaged() {
	[ "$(vmseg list --json | jq -r ".domains[] | select(.name == \"$1\").state")" = unmanaged ]
}

# What is forbidden reaches it now: nobody filters, as asked.
check_metadata() {
	local before
	before=$(show_port web .generation)
	stays "metadata that is removed from the configuration only" \
		change_metadata web --config --remove
	check_equal "... changes nothing" "$before" "$(show_port web .generation)"
	stays "... nor does metadata that is set there" \
		change_metadata web --config --set "$(metadata $WEB '<policy ref="desktop"/>')"
	check_equal "... at all" "$before" "$(show_port web .generation)"
	change_metadata web --live --remove
	check_soon 30 "without metadata a running domain is left alone" is_unmanaged web
	probe_into open $WEB "$PROBE_FORBIDDEN"
	check_soon 30 "... and gets everything" probe_beyond open in 20
	stop_probe open
	change_metadata web --live --set "$WEB_METADATA"
	check_soon 30 "metadata that is set on it" ports_are_hooked web
	through "... filters it" $WEB lossless true
}

# ---- the end ------------------------------------------------------------------------------------

poweroff_from_inside() {
	in_vm web '(sleep 1; poweroff -f) >/dev/null 2>&1 &'
}

crash() {
	kill -KILL "$(</run/libvirt/qemu/web.pid)"
}

# The name changes, the domain stays; what was written to its configuration holds at its start.
check_renamed() {
	virsh --quiet domrename web www
	virsh --quiet start www
	check_soon 30 "a domain that was renamed starts" ports_are_hooked www
	check "... with the metadata of its configuration" policies_are www desktop
	goes "... and is destroyed" www virsh destroy www
	virsh --quiet domrename www web
	change_metadata web --config --set "$WEB_METADATA"
}

start_by_itself() {
	virsh --quiet autostart web
	stop_libvirtd
	rm -f /run/libvirt/qemu/autostarted
	start_libvirtd
}

enter_lab "$@"
set_up
add_bridge $OTHER_BRIDGE
start_watch
PINS=$(list_pins)
web_xml >"$LAB/web.xml"
virsh --quiet define "$LAB/web.xml"
comes "a domain is started" web virsh start web
check_stays
check_saved
check_metadata
goes "a guest powers off" web poweroff_from_inside
check_renamed
comes "a domain starts with libvirtd" web start_by_itself
goes "a guest crashes" web crash
virsh --quiet undefine web
comes "a transient domain is created" web virsh create "$LAB/web.xml"
goes "... and destroyed" web virsh destroy web
done_testing

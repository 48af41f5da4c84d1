#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Domains come and go: what starts is filtered, what is over leaves nothing, what cannot be filtered
# does not start, and libvirt says why.

set -euo pipefail
. "$(dirname "$0")/common.sh"

WEB_METADATA=$(metadata $WEB '<policy ref="web-server"/>')

# The ids that bpftool would show: links, programs and the session map of a port.
port_ids() {
	show_port "$1" '"link \(.link_id.in)", "link \(.link_id.out)",
		"prog \(.program_id.in)", "prog \(.program_id.out)",
		"map \(.session_map_id)"'
}

ids_are_there() {
	local kind id
	while read -r kind id; do
		bpftool "$kind" show id "$id" || return 1
	done <<<"$1"
}

is_running() {
	virsh --quiet domstate "$1" 2>/dev/null | grep -q -e running -e paused
}

# refusal COMMAND...: what virsh says when it must not succeed.
refusal() {
	if "$@" 2>&1; then
		echo "(it succeeded)"
	fi
}

check_start_stop() {
	local pins ids maps
	pins=$(list_pins)
	create_paused web $WEB "$WEB_METADATA"
	ids=$(port_ids web)
	check_equal "a start attaches both directions" "true true" \
		"$(show_port web '"\(.hooked.in) \(.hooked.out)"')"
	check "links, programs and the session map are the kernel's" ids_are_there "$ids"
	check_equal "two links are pinned for the port" 2 \
		"$(comm -13 <(printf '%s\n' "$pins") <(list_pins) | grep -c link)"
	check_equal "the port's limit is the size of its session map" \
		"$(show_port web '.session_limit')" \
		"$(bpftool -j map show id "$(show_port web .session_map_id)" | jq .max_entries)"
	destroy_vm web
	maps=$(grep -v prog <<<"$ids")
	check_soon 30 "a stop takes links and session map away" ids_are_gone "$maps"
	check_equal "and leaves no pin" "$pins" "$(list_pins)"
	check_equal "vmseg knows the domain no more" 0 "$(vmseg list --json | jq '.domains | length')"
}

check_many_starts() {
	local before after i
	before=$(vmseg status --json | jq -c .datapath)
	for ((i = 0; i < 5; i++)); do
		create_paused web $WEB "$WEB_METADATA"
		destroy_vm web
	done
	after=$(vmseg status --json | jq -c .datapath)
	check_equal "slots, images and counters do not grow with starts" "$before" "$after"
}

check_guest_dies() {
	create_paused web $WEB "$WEB_METADATA"
	local pins
	pins=$(list_pins)
	kill -KILL "$(</run/libvirt/qemu/web.pid)"
	check_soon 30 "a QEMU that is killed leaves no port" domains_known 0
	check "and fewer pins" [ "$(list_pins | wc -l)" -lt "$(wc -l <<<"$pins")" ]
}

domains_known() {
	[ "$(vmseg list --json | jq '.domains | length')" = "$1" ]
}

# said_at_start METADATA: what virsh says when a domain with it must not start.
said_at_start() {
	domain_xml bad 40 "$1" >"$LAB/bad.xml"
	virsh --quiet define "$LAB/bad.xml"
	refusal virsh start bad
	virsh --quiet undefine bad
}

check_refused_policy() {
	local pins said
	pins=$(list_pins)
	said=$(said_at_start "$(metadata 40 '<policy ref="no-such-policy"/>')")
	check_contains "a reference to no policy is refused by name" "no-such-policy" "$said"
	check_contains "with the domain and the line" "domain bad:" "$said"
	check_fails "the domain does not run" is_running bad

	said=$(said_at_start "$(metadata 40 '<policy><rule direction="in" action="allow">
		<remote cidr="10.0.0.1/8"/></rule></policy>')")
	check_contains "host bits in an inline rule are refused" "10.0.0.1/8" "$said"

	write_policy broken <<-EOF
		<policy xmlns="urn:vmseg:1" name="broken">
		  <default in="deny" out="allow"/>
		  <rule direction="sideways" action="allow"/>
		</policy>
	EOF
	vmseg reload >/dev/null 2>&1 || true
	said=$(said_at_start "$(metadata 40 '<policy ref="broken"/>')")
	check_contains "a bad policy file is refused with file and line" "broken.xml:3" "$said"
	check_contains "and with what was wrong" "sideways" "$said"
	rm /etc/vmseg/policies/broken.xml
	vmseg reload >/dev/null
	check_equal "nothing is left of any of them" "$pins" "$(list_pins)"
}

check_unmanaged() {
	create_paused plain 41
	check "a domain without metadata starts" is_running plain
	check_equal "and is shown as unmanaged" unmanaged \
		"$(vmseg list --json | jq -r '.domains[] | select(.name == "plain").state')"
	destroy_vm plain
}

check_bad_change() {
	local generation
	create_paused web $WEB "$WEB_METADATA"
	generation=$(show_port web .generation)
	set_metadata web "$(metadata $WEB '<policy ref="no-such-policy"/>')"
	check_soon 30 "a bad change is shown with its reason" shows_error web no-such-policy
	check_equal "and changes nothing" "$generation" "$(show_port web .generation)"
	set_metadata web "$(metadata $WEB '<policy ref="web-only"/>')"
	check_soon 30 "a good one after it is taken" policies_are web web-only
	destroy_vm web
}

shows_error() {
	vmseg show "$1" --json | jq -e ".error | contains(\"$2\")"
}

policies_are() {
	[ "$(vmseg show "$1" --json | jq -r '.policies | join(" ")')" = "$2" ]
}

ports_are() {
	[ "$(vmseg show "$1" --json | jq '[.ports[] | select(.hooked.in and .hooked.out)] | length')" = "$2" ]
}

check_hotplug() {
	create_paused web $WEB "$WEB_METADATA"
	interface_xml 52:54:00:77:01:01 >"$LAB/nic.xml"
	virsh --quiet attach-device web "$LAB/nic.xml" --live
	check_soon 30 "a NIC that is plugged in is filtered" ports_are web 2
	virsh --quiet detach-device web "$LAB/nic.xml" --live || true
	destroy_vm web
	check_soon 30 "and goes with the domain" domains_known 0
}

# verdict_on_ssh: what would become of client's connection to web's port 22.
verdict_on_ssh() {
	vmseg explain web in tcp "$(vm_ip4 $CLIENT):40000" "$(vm_ip4 $WEB):22" --json |
		jq -r .verdict
}

ssh_is() {
	[ "$(verdict_on_ssh)" = "$1" ]
}

check_groups() {
	create_paused web $WEB "$(metadata $WEB '<policy>
		<rule direction="in" action="allow"><remote group="ops"/><tcp port="22"/></rule>
		</policy>')"
	check_equal "a group without members lets nobody in" drop "$(verdict_on_ssh)"
	create_paused client $CLIENT \
		"$(metadata $CLIENT '<policy ref="desktop"/><group name="ops"/>')"
	check_soon 30 "a domain that starts with the label is let in" ssh_is pass
	destroy_vm client
	check_soon 30 "and is out when it ends" ssh_is drop
	destroy_vm web
}

check_libvirtd_restart() {
	local ids
	create_paused web $WEB "$WEB_METADATA"
	ids=$(port_ids web)
	restart_libvirtd
	check "a domain outlives libvirtd" is_running web
	check_soon 30 "vmseg finds libvirtd again" libvirt_connected
	check_equal "the port is what it was" "$ids" "$(port_ids web)"
	destroy_vm web
	check_soon 30 "and still ends with the domain" domains_known 0
}

check_without_daemon() {
	local said pins ids
	pins=$(list_pins)
	create_paused client $CLIENT "$(metadata $CLIENT '<policy ref="desktop"/>')"
	ids=$(port_ids client)
	stop_hostd
	check "without the daemon ports stay attached" ids_are_there "$ids"
	domain_xml web $WEB "$WEB_METADATA" >"$LAB/web.xml"
	said=$(refusal virsh create --paused "$LAB/web.xml")
	check_contains "a domain with metadata is refused" "vmseg-hostd" "$said"
	check_fails "and does not run" is_running web
	create_paused plain 41
	check "a domain without metadata starts" is_running plain
	destroy_vm plain
	destroy_vm client

	start_hostd "require-daemon = always"
	stop_hostd
	domain_xml plain 41 >"$LAB/plain.xml"
	check_fails "require-daemon = always refuses that one too" virsh create "$LAB/plain.xml"
	start_hostd "require-daemon = managed"
	check_soon 30 "a domain that ended meanwhile is forgotten by the next daemon" domains_known 0
	check_equal "with its port" "$pins" "$(list_pins)"
}

check_detach_all() {
	local ids tap
	create_paused web $WEB "$WEB_METADATA"
	tap=$(vm_tap web)
	ids=$(port_ids web; list_ids)
	check "there is something to take away" ids_are_there "$ids"
	stop_hostd
	check "vmseg detach --all succeeds" vmseg detach --all
	check_equal "no pin is left" "" "$(list_pins)"
	check_soon 30 "no link, program or map of vmseg is left" ids_are_gone "$ids"
	check_equal "no filter is on the tap" "" \
		"$(tc filter show dev "$tap" ingress; tc filter show dev "$tap" egress)"
	check "the domain runs on" is_running web
	destroy_vm web
}

enter_lab "$@"
set_up
check_start_stop
check_many_starts
check_guest_dies
check_refused_policy
check_unmanaged
check_bad_change
check_hotplug
check_groups
check_libvirtd_restart
check_without_daemon
check_detach_all
done_testing

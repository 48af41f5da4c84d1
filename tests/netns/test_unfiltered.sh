#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Network interfaces that TC on the host does not see, beside one that it does: the start is refused,
# or what is not filtered is told wherever somebody may look.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq curl

NIC="<interface type='bridge'><mac address='52:54:00:00:00:11'/><target dev='vnet0'/>"
METRICS=$LAB_RUN/metrics

# No card is there, and of one that is not there nobody knows the class.
CARD="<hostdev mode='subsystem' type='pci' managed='yes'><source>
<address domain='0xfffe' bus='0xfe' slot='0x1e' function='0x5'/></source></hostdev>"
TEAM="<teaming type='persistent'/><alias name='ua-a'/></interface>
<interface type='hostdev'><mac address='52:54:00:00:00:11'/>
<teaming type='transient' persistent='ua-a'/></interface>"
ARGUMENTS="<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'>
<q:arg value='-netdev'/><q:arg value='tap,id=n1,ifname=raw0'/>
<q:arg value='-device'/><q:arg value='virtio-net-pci,netdev=n1'/></q:commandline>"

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	write_good_policy
}

# describe_web METADATA [REST OF THE NIC] [OTHER DEVICES] [BESIDE THE DEVICES]
describe_web() {
	cat <<-XML
		<domain type='kvm'><name>web</name><uuid>00000000-0000-0000-0000-000000000011</uuid>
		<metadata>$1</metadata>
		<devices>$NIC${2:-</interface>}${3:-}</devices>${4:-}</domain>
	XML
}

POLICY=$(managed 11 "<vmseg:policy ref='web-server'/>")

# check_refused WHAT LINE NAME DESCRIPTION...
check_refused() {
	local what=$1 line=$2 name=$3 output status=0
	shift 3
	output=$(describe_web "$@" | hook web prepare begin - 2>&1) || status=$?
	check_equal "$what: the domain is refused" 1 "$status"
	check_contains "... with the line and the name" "web:$line: $name" "$output"
	check_contains "... and what to do" "unfilterable-interfaces = ignore" "$output"
	output=$(describe_web "$@" | hook web start begin - 2>&1) || true
	check_contains "... at its start, too" "web:$line: $name" "$output"
	check_equal "... and nothing is attached" 0 "$(ports_used)"
	check "... a domain that is left alone starts" hook_takes "" "${@:2}"
}

hook_takes() {
	describe_web "$@" | hook web prepare begin - && describe_web "$@" | hook web start begin - &&
		describe_web "$@" | hook web stopped end -
}

check_refusals() {
	check_refused "a card that is passed through" 3 "PCI device fffe:fe:1e.5" \
		"$POLICY" "" "$CARD"
	check_refused "a team with a half that nobody filters" 4 "interface 52:54:00:00:00:11" \
		"$POLICY" "$TEAM"
	check_refused "arguments for QEMU" 4 "argument -netdev tap,id=n1,ifname=raw0" \
		"$POLICY" "" "" "$ARGUMENTS"
}

# What is said of the four, in order of the document.
NAMES='PCI device fffe:fe:1e.5,argument -netdev tap,id=n1,ifname=raw0,argument -device virtio-net-pci,netdev=n1'

check_listed() {
	local output
	check "if they are ignored, the domain starts" start_with_all
	check_equal "... and its own interface is filtered" "enforce 1 3" \
		"$(domain web '"\(.state) \(.port_count) \(.unfiltered | length)"')"
	check_equal "... the list names the others" "$NAMES" \
		"$(domain web '[.unfiltered[].name] | join(",")')"
	check_equal "... as text by their number" 3 "$(vmseg list | awk '$1 == "web" { print $4 }')"
	check_equal "... show by kind" "pci command-line command-line" \
		"$(vmseg show web --json | jq -r '[.unfiltered[].kind] | join(" ")')"
	check_contains "... as text with the reason" \
		"UNFILTERED   PCI device fffe:fe:1e.5 may be a network card" "$(vmseg show web)"
	check_equal "... status by domain" "web web web" \
		"$(vmseg status --json | jq -r '[.unfiltered[].domain] | join(" ")')"
	check_contains "... as text" \
		"unfiltered     web: PCI device fffe:fe:1e.5 may be a network card" "$(vmseg status)"
	output=$(curl -s --unix-socket "$METRICS" http://localhost/metrics)
	check_contains "... and the metrics" \
		'vmseg_unfiltered_interface{domain="web",kind="pci",name="PCI device fffe:fe:1e.5",line="3"} 1' \
		"$output"
	check_contains "... the log says it" "PCI device fffe:fe:1e.5 is not filtered" \
		"$(cat "$LAB/hostd.log")"
}

start_with_all() {
	sed -i 's/^unfilterable.*/unfilterable-interfaces = ignore/' /etc/vmseg/hostd.conf
	vmseg reload && describe_web "$POLICY" "" "$CARD" "$ARGUMENTS" | hook web start begin -
}

# What is plugged in while the domain runs asks no hook.
check_plugged_in() {
	describe_web "$POLICY" | hook web reconnect begin -
	check_equal "without them all is well" "enforce 0" \
		"$(domain web '"\(.state) \(.unfiltered | length)"')"
	sed -i 's/^unfilterable.*/unfilterable-interfaces = refuse/' /etc/vmseg/hostd.conf
	vmseg reload
	describe_web "$POLICY" "" "$CARD" | hook web reconnect begin -
	check_equal "a card that is plugged in is a problem" "stale 1" \
		"$(domain web '"\(.state) \(.unfiltered | length)"')"
	check_contains "... that says which" "PCI device fffe:fe:1e.5" "$(domain web .error)"
	check_ask "... and the other interface is filtered" answered host 80
	check_ask "... as before" silence host 22
	vmseg reload >/dev/null || true
	check_contains "... after a reload, too" "PCI device fffe:fe:1e.5" \
		"$(vmseg status --json | jq -r '.problems[].error')"
	describe_web "$POLICY" | hook web reconnect begin -
	check_equal "... until it is gone" "enforce 0" \
		"$(domain web '"\(.state) \(.unfiltered | length)"')"
}

set_up
start_hostd 'libvirt-uri = none' "metrics-listen = $METRICS" 'unfilterable-interfaces = refuse'
check_refusals
check_listed
check_plugged_in
describe_web "" "" "$CARD" | hook web reconnect begin -
check_equal "of a domain that is left alone none is told" "unmanaged 0" \
	"$(domain web '"\(.state) \(.unfiltered | length)"')"
done_testing

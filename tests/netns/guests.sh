# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# guests.sh: guests without libvirt in the lab: namespaces behind a port in the bridge br0, for
# which the script calls the hook as libvirtd would.

guests_here=$(dirname "${BASH_SOURCE[0]}")
. "$guests_here/../harness/lab.sh"
. "$guests_here/../harness/hostd.sh"
. "$guests_here/../harness/tap.sh"

# The bridge's address is the host's; the web server's is that of the guest with number 11.
HOST=10.0.0.1
WEB=10.0.0.11

hook() {
	"$BUILD/vmseg-hook" "$@"
}

# add_guest NAME DEVICE NUMBER: a namespace with one NIC, behind DEVICE in the bridge br0. Its MAC
# ends in NUMBER and its address is 10.0.0.NUMBER.
add_guest() {
	ip netns add "$1"
	plug_guest "$@"
	ip netns exec "$1" "$TOOLS/echo_server" 80 22 &
}

# plug_guest NAME DEVICE NUMBER: the NIC alone, for a guest that has lost it.
plug_guest() {
	ip link add "$2" type veth peer name eth0 netns "$1" address "52:54:00:00:00:$3"
	ip link set "$2" master br0 up
	ip -netns "$1" addr add "10.0.0.$3/24" dev eth0
	ip -netns "$1" link set eth0 up
}

# describe NAME NUMBER METADATA [TARGET...]: domain XML with a NIC per TARGET; "-" for none yet.
describe() {
	local name=$1 number=$2 metadata=$3 nics='' target i=$2
	shift 3
	for target in "$@"; do
		nics+="<interface type='bridge'><mac address='52:54:00:00:00:$i'/>"
		[ "$target" = - ] || nics+="<target dev='$target'/>"
		nics+="</interface>"
		i=$((i + 1))
	done
	cat <<-XML
		<domain type='kvm'><name>$name</name>
		<uuid>00000000-0000-0000-0000-0000000000$number</uuid>
		<metadata>$metadata</metadata>
		<devices>$nics</devices></domain>
	XML
}

# managed NUMBER CONTENT: vmseg metadata for a guest that has the address of its number.
managed() {
	printf '%s' "<vmseg:domain xmlns:vmseg='urn:vmseg:1'>$2" \
		"<vmseg:interface mac='52:54:00:00:00:$1'>" \
		"<vmseg:address ip='10.0.0.$1'/></vmseg:interface></vmseg:domain>"
}

stop() {
	describe "$1" "$2" "" | hook "$1" stopped end -
	describe "$1" "$2" "" | hook "$1" release end -
}

# ask_from GUEST PORT [SECONDS]: what a TCP connection to web comes to; GUEST may be "host".
ask_from() {
	local within=()
	[ "$1" = host ] || within=(ip netns exec "$1")
	"${within[@]}" "$TOOLS/ask" -w "${3:-1}" tcp "$WEB" "$2" || true
}

# check_ask DESCRIPTION EXPECTED GUEST PORT
check_ask() {
	local seconds=1
	[ "$2" = silence ] || seconds=$LEAST_PATIENCE
	check_equal "$1" "$2" "$(ask_from "$3" "$4" $seconds)"
}

# domain NAME FILTER: a jq filter on the domain's line in the list.
domain() {
	vmseg list --json | jq -r ".domains[] | select(.name == \"$1\") | $2"
}

ports_used() {
	vmseg status --json | jq .datapath.ports.used
}

write_good_policy() {
	write_policy web-server <<-XML
		<policy xmlns="urn:vmseg:1" name="web-server">
		  <default in="deny" out="allow"/>
		  <rule id="http" direction="in" action="allow"><tcp port="80"/></rule>
		  <rule id="ssh" direction="in" action="allow"><remote group="admins"/><tcp port="22"/></rule>
		  <rule id="loud" direction="in" action="deny" log="yes"/>
		</policy>
	XML
}

write_bad_policy() {
	write_policy web-server <<-XML
		<policy xmlns="urn:vmseg:1" name="web-server">
		  <rule id="http" direction="sideways" action="allow"/>
		</policy>
	XML
}

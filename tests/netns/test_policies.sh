#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Policies as the daemon lives with them: groups that change, what explains a verdict, and what a
# candidate would change.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq

HOST=10.0.0.1
POLICIES=/etc/vmseg/policies
DRAFT=$LAB/draft

write_policies() {
	write_policy host <<-XML
		<policy xmlns="urn:vmseg:1" name="host">
		  <rule id="no-mail" direction="out" action="deny"><tcp port="25"/></rule>
		</policy>
	XML
	write_policy office <<-XML
		<set xmlns="urn:vmseg:1" name="office"><cidr>192.0.2.0/24</cidr></set>
	XML
	write_policy web-server <<-XML
		<policy xmlns="urn:vmseg:1" name="web-server">
		  <default in="deny"/>
		  <limits sessions-per-remote="2"/>
		  <rule id="http" direction="in" action="allow"><tcp port="80"/></rule>
		  <rule id="ssh" direction="in" action="allow"><remote group="admins"/><tcp port="22"/></rule>
		  <rule id="work" direction="in" action="allow"><remote set="office"/><tcp port="22"/></rule>
		  <rule id="names" direction="out" action="allow"><udp port="53"/></rule>
		  <rule id="trace" direction="in" action="allow"><icmp type="timestamp-request" code="1"/></rule>
		</policy>
	XML
}

set_up() {
	mkdir -p "$POLICIES"
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	add_guest admin vnet1 12
	add_guest other vnet2 13
	write_policies
	start_hostd "libvirt-uri = none" "mandatory-policy = host"
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 |
		hook web start begin -
	describe other 13 "$(managed 13 "")" vnet2 | hook other start begin -
}

# ---- groups ----------------------------------------------------------------------------------

# tell_admin CONTENT [ADDRESS]: what libvirt says of the domain admin now.
tell_admin() {
	local metadata
	metadata=$(managed 12 "$1")
	[ $# -eq 1 ] || metadata=${metadata/10.0.0.12/$2}
	describe admin 12 "$metadata" vnet1 | hook admin reconnect begin -
}

generations() {
	echo "$(show_port web .generation) $(show_port other .generation)"
}

# check_follows DESCRIPTION ADDRESSES COMMAND...: the group gets these addresses, web's rules follow,
# and the port of a domain that does not name the group is not touched.
check_follows() {
	local description=$1 addresses=$2 before after
	shift 2
	before=$(generations)
	"$@"
	after=$(generations)
	check_equal "$description: the group has its addresses" "$addresses" \
		"$(vmseg group show admins --json | jq -r '.addresses | join(" ")')"
	check_equal "... and whoever names it follows" yes \
		"$([ "${after% *}" -gt "${before% *}" ] && echo yes)"
	check_equal "... and nobody else" "${before#* }" "${after#* }"
	check_equal "... which the rules show" "$([ -n "$addresses" ] && echo ssh || echo null)" \
		"$(vmseg explain web in tcp "${addresses:-10.0.0.12}" :22 --json | jq -r .rule.id)"
}

check_groups() {
	local before
	check_follows "a domain starts" 10.0.0.12 \
		eval "describe admin 12 \"\$(managed 12 \"<vmseg:group name='admins'/>\")\" vnet1 |
			hook admin start begin -"
	check_follows "it gets another address" 10.0.0.99 \
		tell_admin "<vmseg:group name='admins'/>" 10.0.0.99
	check_follows "it loses the label" "" tell_admin ""
	check_follows "it gains the label" 10.0.0.12 tell_admin "<vmseg:group name='admins'/>"
	before=$(generations)
	tell_admin "<vmseg:group name='admins'/><vmseg:group name='more'/>"
	check_equal "another label of its touches nobody" "$before" "$(generations)"
	check_follows "it stops" "" stop admin 12
}

check_shared_images() {
	local before
	before=$(vmseg status --json | jq .datapath.images)
	describe admin 12 "$(managed 12 "<vmseg:policy ref='web-server'/>")" vnet1 |
		hook admin start begin -
	check_equal "domains with the same rules share an image" "$before" \
		"$(vmseg status --json | jq .datapath.images)"
	stop admin 12
}

# ---- explanations ----------------------------------------------------------------------------

# why ARGUMENT...: the line of an explanation that says who has decided.
why() {
	vmseg explain "$@" | grep -E '^  (rule|default|guard|limit) '
}

send_names() {
	ip netns exec web bash -c "echo >/dev/udp/$HOST/53"
}

# The local port of web's session with a name server.
names_port() {
	vmseg sessions web --json | jq -r '[.sessions[] | select(.remote_port == 53)][0].local_port'
}

check_deciders() {
	local port
	check_equal "a rule is named with its place" \
		"  rule     web-server: http ($POLICIES/web-server.xml:4)" \
		"$(why web in tcp 192.0.2.9 :80)"
	check_equal "so is the default" "  default  in deny ($POLICIES/web-server.xml:2)" \
		"$(why web in tcp 192.0.2.9 :81)"
	check_equal "a message is named by type and code" "trace trace null" \
		"$(for type in timestamp-request/1 13/1 13; do
			vmseg explain web in "icmp/$type" 192.0.2.9 --json | jq -r .rule.id
		done | paste -sd ' ')"
	check_contains "what is no message is refused" 'not "ping/256"' \
		"$(vmseg explain web in icmp/ping/256 192.0.2.9 2>&1)"
	check_equal "one that nobody has written" "  default  out allow (built in)" \
		"$(why web out tcp 192.0.2.9:443)"
	check_equal "a guard" "  guard    ip on (built in)" "$(why web out tcp 192.0.2.9:443 10.0.0.99)"
	check_equal "the host's own rule" "  rule     host: no-mail ($POLICIES/host.xml:2)" \
		"$(why web out tcp 192.0.2.9:25)"
	send_names
	port=$(names_port)
	check_equal "of a session the rule that has let it in" \
		"  rule     web-server: names ($POLICIES/web-server.xml:7)" \
		"$(why web out udp "$HOST:53" ":$port")"
	check_contains "and its state" "session  live: " "$(vmseg explain web out udp "$HOST:53" ":$port")"
	"$TOOLS/ask" -w 10 tcp 10.0.0.11 80 >/dev/null
	check_equal "a limit is named beside the rule" \
		"  rule     web-server: http ($POLICIES/web-server.xml:4)
  limit    sessions-per-remote 2 ($POLICIES/web-server.xml:3)" "$(why web in tcp "$HOST" :80)"
}

# ---- candidates ------------------------------------------------------------------------------

# ask_draft FILTER ARGUMENT...: a jq filter on what is explained with the draft.
ask_draft() {
	local filter=$1
	shift
	vmseg explain --policy "$DRAFT" --json "$@" | jq -r "$filter"
}

# All that is shown but for what time alone changes: sessions are counted now and then, and the
# guests' stacks look for neighbors and routers as they like.
everything() {
	local domain
	vmseg status --json | jq -S 'del(.uptime)'
	vmseg policy list --json
	for domain in web other; do
		vmseg show "$domain" --json | jq -S 'del(.sessions, .ports[].sessions) |
			del(.ports[].counters[] |
				select(.reason | IN("arp", "neighbor-discovery", "multicast-control")))'
		vmseg sessions "$domain" --json | jq -S 'del(.sessions[] | .age, .idle, .expires)'
	done
}

# The last packet of the only connection has come.
is_quiet() {
	vmseg sessions web --json |
		jq -e '[.sessions[] | select(.protocol == "tcp").state] == ["time-wait"]'
}

check_candidates() {
	local before port
	check_soon 20 "nothing is under way" is_quiet
	before=$(everything)
	port=$(names_port)
	sed 's/port="80"/port="8080"/; s/id="http"/id="http-alt"/; s/port="53"/port="54"/; s/<limits.*//' \
		"$POLICIES/web-server.xml" >"$DRAFT"
	check_equal "a candidate forbids what is allowed" "drop policy replacement" \
		"$(ask_draft '"\(.verdict) \(.reason) \(.candidate.as)"' web in tcp 192.0.2.9 :80)"
	check_equal "and allows what is forbidden, by its own line" "http-alt $DRAFT:4" \
		"$(ask_draft '"\(.rule.id) \(.rule.place)"' web in tcp 192.0.2.9 :8080)"
	check_equal "its limits are other ones" pass \
		"$(ask_draft .verdict web in tcp "$HOST" :8080)"
	check_equal "in force is what was" "pass http" \
		"$(vmseg explain web in tcp 192.0.2.9 :80 --json | jq -r '"\(.verdict) \(.rule.id)"')"
	sed -i 's/<default in="deny"/& out="deny"/' "$DRAFT"
	check_equal "an open session would be cut" "drop revoked out" \
		"$(ask_draft '"\(.verdict) \(.reason) \(.session.opened)"' \
			web out udp "$HOST:53" ":$port")"
	check_equal "it may come from standard input" drop \
		"$(vmseg explain --policy - --json web out udp "$HOST:53" ":$port" <"$DRAFT" |
			jq -r .verdict)"
	check_equal "and be asked about by whoever may look" drop \
		"$(vmseg --socket /run/vmseg/read.sock explain --policy "$DRAFT" --json \
			web out udp "$HOST:53" ":$port" | jq -r .verdict)"

	sed -i 's/name="web-server"/name="strict"/' "$DRAFT"
	check_contains "a policy that the domain does not name is taken for its only one" \
		"strict, as the only policy" "$(vmseg explain --policy "$DRAFT" web in tcp 192.0.2.9 :80)"
	check_equal "after the host's" no-mail "$(ask_draft .rule.id web out tcp 192.0.2.9:25)"
	check_equal "with the domain's addresses" guard-ip \
		"$(ask_draft .reason web out udp 192.0.2.9:54 10.0.0.99)"
	check_equal "for a domain without policies, too" "drop default" \
		"$(ask_draft '"\(.verdict) \(.setting.kind)"' other out udp 192.0.2.9:53)"

	echo '<set xmlns="urn:vmseg:1" name="office"><cidr>203.0.113.0/24</cidr></set>' >"$DRAFT"
	check_equal "a set may be a candidate" "work" \
		"$(ask_draft .rule.id web in tcp 203.0.113.9 :22)"
	check_equal "in place of the other" drop "$(ask_draft .verdict web in tcp 192.0.2.9 :22)"

	echo '<policy xmlns="urn:vmseg:1" name="web-server"><rul/></policy>' >"$DRAFT"
	check_contains "a bad one is refused with its place" "$DRAFT:1: <rul>" \
		"$(vmseg explain --policy "$DRAFT" web in tcp 192.0.2.9 :80 2>&1)"
	check_fails "by the exit status, too" vmseg explain --policy "$DRAFT" web in tcp 192.0.2.9 :80
	check_equal "none of this has changed anything" "" "$(diff <(echo "$before") <(everything))"
}

# ---- documents -------------------------------------------------------------------------------

# What stands in the policy directory, and how it was understood.
library() {
	sha256sum "$POLICIES"/*
	vmseg policy list --json
	vmseg show web --json | jq '.ports[0] | .generation, .rules'
}

# make_bad NUMBER: a document that nobody may accept.
make_bad() {
	local policy='<policy xmlns="urn:vmseg:1" name="web-server">'
	case $1 in
	1) : ;;
	2) echo "$policy" ;;
	3) echo "<!DOCTYPE policy [<!ENTITY a 'b'>]>$policy</policy>" ;;
	4) printf '%s\0</policy>' "$policy" ;;
	5) printf '%s<description>\xe9</description></policy>' "$policy" ;;
	6) printf "<?xml version='1.0' encoding='ISO-8859-1'?>%s</policy>" "$policy" ;;
	7) printf '%s%1048576s</policy>' "$policy" '' ;;
	8) printf '%s' "$policy" && printf '<rule>%.0s' {1..1000} ;;
	9) echo "$policy<rule direction='in' action='allow'><remote group='a b'/></rule></policy>" ;;
	10) echo "$policy<rule direction='in' action='allow'><remote set='none'/></rule></policy>" ;;
	11) echo '<policy xmlns="urn:vmseg:1" name="../../../tmp/evil"/>' ;;
	12) echo '<domain xmlns="urn:vmseg:1"/>' ;;
	*) return 1 ;;
	esac
}

check_bad_documents() {
	local before number
	before=$(library)
	for ((number = 1; number <= 12; number++)); do
		make_bad $number >"$DRAFT"
		check_fails "bad document $number is not applied" vmseg policy apply "$DRAFT"
		check_fails "nor does it pass policy check" vmseg policy check "$DRAFT"
		check_equal "nor can it be asked about" 1 \
			"$(vmseg explain --policy "$DRAFT" web in tcp 192.0.2.9 :80 >/dev/null 2>&1; echo $?)"
	done
	check_equal "nothing has changed" "" "$(diff <(echo "$before") <(library))"
}

# What policy show prints is read as what it was printed from.
check_shown_documents() {
	local file name
	cp "$TOP"/policies/*.xml "$POLICIES"
	vmseg reload >/dev/null
	for file in "$TOP"/policies/*.xml; do
		name=$(basename "$file" .xml)
		vmseg policy show "$name" >"$DRAFT"
		check "$name: what is shown can be applied" vmseg policy apply "$DRAFT"
		check_equal "and is shown as before" "" "$(diff "$DRAFT" <(vmseg policy show "$name"))"
	done
}

check_no_directory() {
	local said
	mv "$POLICIES" "$LAB/policies"
	for within in '' '--confirm 60'; do
		# shellcheck disable=SC2086 # an option and its value, or none
		said=$(vmseg policy apply $within "$DRAFT" 2>&1) && said="it is applied"
		check_equal "without a policy directory apply says what to do${within:+ ($within)}" \
			"vmseg: $POLICIES: the policy directory does not exist: create it (mkdir -p -m 755 $POLICIES), then restart vmseg-hostd" \
			"$said"
	done
	check_equal "... and nothing is left" "" \
		"$(ls "$POLICIES" 2>/dev/null)$(vmseg status --json | jq -r '.pending[].name')"
	mv "$LAB/policies" "$POLICIES"
}

# ---- warnings --------------------------------------------------------------------------------

check_strangers() {
	local warning='domain other:3: <interface>: the domain has no interface with mac="52:54:00:00:00:99"'
	describe other 13 "$(managed 99 "")" vnet2 | hook other reconnect begin -
	check_contains "an interface that the domain does not have is warned of" "WARNING      $warning" \
		"$(vmseg show other)"
	check_contains "in the status, too" "warnings       $warning" "$(vmseg status)"
	check_contains "and in the log" "$warning" "$(cat "$LAB/hostd.log")"
	check_equal "it is no error" enforce "$(domain other .state)"
	describe other 13 "$(managed 13 "")" vnet2 | hook other reconnect begin -
	check_equal "it ends with its reason" "" "$(vmseg status | grep 'has no interface with mac')"
}

# ---- settings that name a policy -------------------------------------------------------------

# name_policy KEY: a reload with a policy in that setting that does not exist.
name_policy() {
	local before
	before=$(in_force)
	cp /etc/vmseg/hostd.conf "$LAB/hostd.conf"
	sed -i "/^$1 =/d" /etc/vmseg/hostd.conf
	echo "$1 = no-such" >>/etc/vmseg/hostd.conf
	check_equal "a reload is refused when $1 names a policy that does not exist" \
		"vmseg: /etc/vmseg/hostd.conf:2: $1: there is no policy \"no-such\" in $POLICIES: nothing has changed" \
		"$(vmseg reload 2>&1)"
	check_equal "... and nothing has changed" "$before" "$(in_force)"
	cp "$LAB/hostd.conf" /etc/vmseg/hostd.conf
}

in_force() {
	vmseg list --json | jq -c '.domains[] | [.name, .state, .error, .policies]'
	show_port web .generation
}

check_named_policies() {
	name_policy mandatory-policy
	sed -i '/^mandatory-policy/d' /etc/vmseg/hostd.conf
	vmseg reload >/dev/null
	name_policy unmanaged
}

# ---- VLANs -----------------------------------------------------------------------------------

TRUNK_END=10.0.0.13:40000 FAR_END=10.0.0.11:4000

# say_in_vlans [VLAN...]: what the guest `other` sends to the far end, ...
say_in_vlans() {
	ip netns exec other "$TOP/tests/harness/wire.py" datagram eth0 \
		52:54:00:00:00:13 52:54:00:00:00:11 $TRUNK_END $FAR_END "$@"
}

# hear_in_vlans [VLAN...]: ... and what it receives from there.
hear_in_vlans() {
	"$TOP/tests/harness/wire.py" datagram br0 \
		52:54:00:00:00:11 52:54:00:00:00:13 $FAR_END $TRUNK_END "$@"
}

# The VLANs of its sessions with the far end, and the packets in and out.
shown_vlans() {
	vmseg sessions other --json "$@" | jq -c '[.sessions[] | select(.remote == "10.0.0.11") |
		[.vlan, .inner_vlan, .in.packets, .out.packets]] | sort'
}

check_vlans() {
	describe other 13 "$(managed 13 "<vmseg:default in='deny' out='allow'/>
		<vmseg:guards vlan='any'/>")" vnet2 | hook other reconnect begin -
	say_in_vlans
	say_in_vlans 100
	say_in_vlans 100 200
	hear_in_vlans 300
	hear_in_vlans 100
	check_equal "each VLAN of a trunk has its own sessions, and answers pass in theirs" \
		'[[0,0,0,1],[100,0,1,1],[100,200,0,1]]' "$(shown_vlans)"
	check_equal "... and no other" 1 "$(counter other in policy)"
	check_equal "sessions of one VLAN can be asked for" '[[100,200,0,1]]' \
		"$(shown_vlans --vlan 100.200)"
	check_equal "... or those in none" '[[0,0,0,1]]' "$(shown_vlans --vlan 0)"
	check_contains "text shows it, too" 100.200 "$(vmseg sessions other)"
	check_equal "... only where there is one" "" "$(vmseg sessions other --vlan 0 | grep VLAN)"
	check_equal "what is no VLAN is refused" \
		'vmseg: vlan: expected an id from 1 to 4094, two such ids with a dot between for a VLAN inside a VLAN, or 0 for none, not "4095"' \
		"$(vmseg sessions other --vlan 4095 2>&1)"
	check_equal "a packet is explained by the session of its VLAN" "drop policy, pass established" \
		"$(for vlan in 300 100; do
			vmseg explain other in udp "$WEB:4000" :40000 --vlan $vlan --json |
				jq -r '"\(.verdict) \(.reason)"'
		done | paste -sd , | sed 's/,/, /')"
	check_contains "... which the answer names" "vnet2, vlan 100.200, in, udp" \
		"$(vmseg explain other in udp "$WEB:4000" :40000 --vlan 100.200)"
	describe other 13 "$(managed 13 "")" vnet2 | hook other reconnect begin -
}

set_up
check_groups
check_shared_images
check_deciders
check_vlans
check_candidates
check_strangers
check_bad_documents
check_shown_documents
check_no_directory
check_named_policies
done_testing

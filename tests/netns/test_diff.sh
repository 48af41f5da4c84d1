#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a change of policy would do, told before it is made, and held against what it then does.
# Without libvirt and VMs.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq
need bpftool

HOST=10.0.0.1
POLICIES=/etc/vmseg/policies
DRAFT=$LAB/draft

write_policies() {
	write_policy office <<-XML
		<set xmlns="urn:vmseg:1" name="office"><cidr>10.0.0.0/28</cidr></set>
	XML
	write_policy web <<-XML
		<policy xmlns="urn:vmseg:1" name="web">
		  <default in="deny" out="allow"/>
		  <rule id="http" direction="in" action="allow"><tcp port="80"/></rule>
		  <rule id="ssh" direction="in" action="allow" keep-established="yes"><tcp port="22"/></rule>
		  <rule id="ping" direction="in" action="allow"><icmp/></rule>
		</policy>
	XML
	write_policy db <<-XML
		<policy xmlns="urn:vmseg:1" name="db">
		  <rule id="sql" direction="in" action="allow"><remote set="office"/><tcp port="80"/></rule>
		</policy>
	XML
}

# start_guest NAME NUMBER DEVICE POLICY [MODE]
start_guest() {
	local metadata
	metadata=$(managed "$2" "<vmseg:policy ref='$4'/>")
	metadata=${metadata/"'urn:vmseg:1'"/"'urn:vmseg:1' mode='${5:-enforce}'"}
	describe "$1" "$2" "$metadata" "$3" | hook "$1" start begin -
}

set_up() {
	mkdir -p "$POLICIES"
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	add_guest db vnet1 12
	add_guest trial vnet2 13
	write_policies
	start_hostd 'libvirt-uri = none' 'policy-nodes = 4096' 'max-ports = 16'
	start_guest web 11 vnet0 web
	start_guest db 12 vnet1 db
	start_guest trial 13 vnet2 web audit
}

# diff_draft FILTER [OPTION...]: a jq filter on what the draft would change.
diff_draft() {
	local filter=$1
	shift
	vmseg policy diff "$@" --json "$DRAFT" | jq -r "$filter"
}

# ---- what it says -----------------------------------------------------------------------------

# A candidate for web with changes of every kind.
write_web_draft() {
	cat >"$DRAFT" <<-XML
		<policy xmlns="urn:vmseg:1" name="web">
		  <default in="deny" out="deny"/>
		  <limits sessions="500"/>
		  <rule id="ping" direction="in" action="allow"><icmp/></rule>
		  <rule id="http" direction="in" action="deny"><tcp port="80"/></rule>
		  <rule id="https" direction="in" action="allow"><tcp port="443"/></rule>
		</policy>
	XML
}

check_changes() {
	write_web_draft
	check_equal "each change is named, what goes first" "removed rule ssh 4>null
changed default null null>null
added limits null null>null
moved rule ping 5>4
changed rule http 3>5
added rule https null>6" \
		"$(diff_draft '.changes[] | "\(.change) \(.what) \(.id) \(.line_before)>\(.line_after)"')"
	check_equal "with what was" '<rule id="http" direction="in" action="allow">' \
		"$(diff_draft '.changes[] | select(.id == "http").before' | head -n 1)"
	check_equal "and what will be" '<rule id="http" direction="in" action="deny">' \
		"$(diff_draft '.changes[] | select(.id == "http").after' | head -n 1)"
	check_equal "for people as a diff has it" "web: policy
- <rule id=\"ssh\" direction=\"in\" action=\"allow\" keep-established=\"yes\">
-   <tcp port=\"22\"/>
- </rule>
- <default in=\"deny\" out=\"allow\"/>
+ <default in=\"deny\" out=\"deny\"/>
+ <limits sessions=\"500\"/>
> <rule id=\"ping\" direction=\"in\" action=\"allow\">
>   <icmp/>
> </rule>" "$(vmseg policy diff "$DRAFT" | head -n 10)"
	check_contains "from standard input, too" "+ <limits" "$(vmseg policy diff - <"$DRAFT")"
	check_contains "to whoever may look" "+ <limits" \
		"$(vmseg --socket /run/vmseg/read.sock policy diff "$DRAFT")"
}

check_no_changes() {
	check_equal "what is in force already changes nothing" "web: policy, no change
no port of a running domain changes" "$(vmseg policy diff "$POLICIES/web.xml")"
	cat >"$DRAFT" <<-XML
		<policy xmlns="urn:vmseg:1" name="mail">
		  <rule id="mail" direction="in" action="allow"><tcp port="25"/></rule>
		  <rule id="late" direction="in" action="deny"><tcp port="25"/></rule>
		</policy>
	XML
	check_contains "what nobody uses changes no port" "no port of a running domain changes" \
		"$(vmseg policy diff "$DRAFT" 2>&1)"
	check_contains "it is said to be new" "mail: policy, new" "$(vmseg policy diff "$DRAFT" 2>/dev/null)"
	check_contains "rules that decide nothing are warned of, as by check" "$DRAFT:3: <rule>" \
		"$(vmseg policy diff "$DRAFT" 2>&1 >/dev/null)"
	echo '<policy xmlns="urn:vmseg:1" name="web"><rul/></policy>' >"$DRAFT"
	check_contains "a bad one is refused with its place" "$DRAFT:1: <rul>" \
		"$(vmseg policy diff "$DRAFT" 2>&1)"
	check_fails "by the exit status, too" vmseg policy diff "$DRAFT"
}

# ---- on whom ----------------------------------------------------------------------------------

ports_of_draft() {
	diff_draft '.ports[] | "\(.domain) \(.device) \(.rules) \(.settings)"'
}

check_ports() {
	write_web_draft
	check_equal "ports of domains that name the policy change" \
		$'trial vnet2 true true\nweb vnet0 true true' "$(ports_of_draft)"
	sed 's/<default.*/&<limits sessions="500"\/>/' "$POLICIES/web.xml" >"$DRAFT"
	check_equal "a limit is a setting" \
		$'trial vnet2 false true\nweb vnet0 false true' "$(ports_of_draft)"
	sed 's/id="http"/id="www"/' "$POLICIES/web.xml" >"$DRAFT"
	check_equal "another name of a rule is none of the packets' business" "" "$(ports_of_draft)"
	check_equal "but a change" $'removed http\nadded www' \
		"$(diff_draft '.changes[] | "\(.change) \(.id)"')"
	echo '<set xmlns="urn:vmseg:1" name="office"><cidr>10.0.0.16/28</cidr></set>' >"$DRAFT"
	check_equal "of a set, those whose policies name it" "db vnet1 true false" "$(ports_of_draft)"
	check_equal "its prefixes are what changes" "- <cidr>10.0.0.0/28</cidr>
+ <cidr>10.0.0.16/28</cidr>" "$(vmseg policy diff "$DRAFT" | grep cidr)"
	echo '<policy xmlns="urn:vmseg:1" name="office"/>' >"$DRAFT"
	check_contains "who could not use it is named, with the reason" \
		"db keeps its old policy" "$(vmseg policy diff "$DRAFT")"
	check_contains "and what it takes the place of" "office: policy, in place of a set" \
		"$(vmseg policy diff "$DRAFT")"
	vmseg detach db >/dev/null
	check_equal "one that is not filtered is left out" "" "$(diff_draft '.refused[].domain')"
	vmseg attach db >/dev/null
}

# A domain that keeps its old policy because the present one is bad.
check_stale() {
	echo '<policy xmlns="urn:vmseg:1" name="web"><rul/></policy>' | write_policy web
	vmseg reload >/dev/null 2>&1 || true
	write_web_draft
	check_contains "in place of a file that is bad" \
		"web: policy, replaces a file with an error: $POLICIES/web.xml:1" \
		"$(vmseg policy diff "$DRAFT")"
	check_equal "ports are compared with what is in force on them" \
		$'trial vnet2 true true\nweb vnet0 true true' "$(ports_of_draft)"
	write_policies
	cp "$POLICIES/web.xml" "$DRAFT"
	check_equal "which the good file would not change" "" "$(ports_of_draft)"
	vmseg reload >/dev/null
}

# ---- nothing changes --------------------------------------------------------------------------

# What the programs go by, and what there is on disk.
everything() {
	local map
	for map in policy_map port_map port_index; do
		bpftool map dump pinned "/sys/fs/bpf/vmseg/maps/$map"
	done
	vmseg status --json | jq -S 'del(.uptime)'
	vmseg policy list --json
	find "$POLICIES" -type f -printf '%p %i %T@\n' | sort
}

check_nothing_changes() {
	local before draft
	before=$(everything)
	write_web_draft
	vmseg policy diff "$DRAFT" >/dev/null
	for draft in '<set xmlns="urn:vmseg:1" name="office"/>' \
		'<policy xmlns="urn:vmseg:1" name="office"/>' '<rubbish/>'; do
		vmseg policy diff - >/dev/null 2>&1 <<<"$draft" || true
	done
	check_equal "to ask has changed nothing" "" "$(diff <(echo "$before") <(everything))"
}

# ---- live sessions ----------------------------------------------------------------------------

# hold_open NAME NUMBER PORT COUNT: connections from the host, in use until the script ends.
hold_open() {
	"$TOOLS/hold" -i 200 "10.0.0.$2" "$3" "$4" >"$LAB/$1.held" &
}

# says NAME TEXT: of connections that are held, the last line says so.
says() {
	[[ "$(tail -n 1 "$LAB/$1.held")" == *"$2"* ]]
}

check_sessions() {
	hold_open http 11 80 3
	hold_open ssh 11 22 2
	hold_open sql 12 80 1
	hold_open trial 13 80 1
	check_soon 20 "connections are open" says http alive=3
	check_soon 20 "through a rule that keeps them" says ssh alive=2
	check_soon 20 "to the other domain" says sql alive=1
	check_soon 20 "and to the one in audit mode" says trial alive=1
	write_web_draft
	check_equal "those that would be cut are counted" 3 "$(diff_draft .cut)"
	check_equal "and listed, with the rule that would deny them" "web 80 in http $DRAFT:5" \
		"$(diff_draft '.sessions[] |
			"\(.domain) \(.local_port) \(.opened) \(.denied_by.id) \(.denied_by.place)"' |
			sort -u)"
	check_equal "per port, too; in audit mode none is cut" $'vnet2 true 1\nvnet0 false 3' \
		"$(diff_draft '.ports[] | "\(.device) \(.audit) \(.denied)"')"
	check_contains "for people" "3 sessions are cut:" "$(vmseg policy diff "$DRAFT")"
	check_equal "the list is bounded" "2 true 3" \
		"$(diff_draft '"\(.sessions | length) \(.truncated) \(.cut)"' --limit 2)"
	check_contains "and says that there are more" "see --limit" \
		"$(vmseg policy diff --limit 2 "$DRAFT" 2>&1 >/dev/null)"
	echo '<set xmlns="urn:vmseg:1" name="office"><cidr>10.0.0.16/28</cidr></set>' >"$DRAFT"
	check_equal "a set may cut sessions: the default denies them then" "db 1 null" \
		"$(diff_draft '"\(.sessions[].domain) \(.cut) \(.sessions[].denied_by)"')"
	check "nothing of this has cut any" says http alive=3
}

reload_is_seen() {
	vmseg reload >/dev/null
	grep -q reloaded "$LAB/events"
}

three_are_reported() {
	[ "$(jq -c 'select(.reason == "revoked" and .domain == "web")' "$LAB/events" | wc -l)" -eq 3 ]
}

# What was foreseen comes.
check_applied() {
	local revoked monitor
	"$BUILD/vmseg" monitor --json >"$LAB/events" &
	monitor=$!
	# What monitors is there once it sees something.
	check_soon 10 "somebody watches" reload_is_seen
	revoked=$(counter web in revoked)
	write_web_draft
	check "the draft is applied" vmseg policy apply "$DRAFT"
	check_soon 30 "the sessions that were named are cut" says http alive=0
	check_equal "no other one" $'22\n22' "$(vmseg sessions web --json |
		jq '.sessions[] | select(.protocol == "tcp").local_port')"
	check "those that are kept go on" says ssh alive=2
	check_equal "they are shown so, and not with a rule of the new policy" $'null kept\nnull kept' \
		"$(vmseg sessions web --json | jq -r '.sessions[] | select(.local_port == 22) |
			"\(.rule) \(.standing)"')"
	check_contains "for people, too" "(kept)" "$(vmseg sessions web | grep ':22 ')"
	check_equal "the others with theirs" "ping allowed" "$(ping -c 1 -W $LEAST_PATIENCE 10.0.0.11 >/dev/null
		vmseg sessions web --json | jq -r '.sessions[] | select(.protocol == "icmp") |
			"\(.rule) \(.standing)"')"
	check "those in audit mode, too" says trial alive=1
	check "and of others nothing is heard" says sql alive=1
	check_equal "as often as was said" $((revoked + 3)) "$(counter web in revoked)"
	check_soon 10 "each is an event" three_are_reported
	check_equal "which names no rule: the one that has let it in is gone" null \
		"$(jq -r 'select(.event == "ended" and .reason == "revoked").rule' "$LAB/events" | sort -u)"
	kill "$monitor"
	wait "$monitor" || true
	check_equal "it is in force" "web: policy, no change" \
		"$(vmseg policy diff "$DRAFT" | head -n 1)"
}

set_up
check_changes
check_no_changes
check_ports
check_stale
check_nothing_changes
check_sessions
check_applied
done_testing

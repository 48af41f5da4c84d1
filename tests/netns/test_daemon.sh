#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon, the hook and the command together, without libvirt and VMs: network namespaces are
# the guests, and the script calls the hook as libvirtd would.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq
need curl
need bpftool

start_web() {
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0 | hook web start begin -
}

start_admin() {
	describe admin 12 "$(managed 12 "<vmseg:group name='admins'/>")" vnet1 | hook admin start begin -
}

set_up() {
	mkdir -p /etc/vmseg/policies
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	add_guest admin vnet1 12
	write_good_policy
}

# ---- the hook alone -------------------------------------------------------------------------

check_hook_without_daemon() {
	local xml
	xml=$(describe web 11 "$(managed 11 '')" -)
	check_fails "without a daemon a managed domain does not start" hook web prepare begin - <<<"$xml"
	check_contains "and libvirt learns why" "vmseg-hostd is not running" \
		"$(hook web start begin - 2>&1 <<<"$xml")"
	check_equal "in one line" 1 "$(hook web start begin - 2>&1 <<<"$xml" | wc -l)"
	check "a running one is not hurt by reconnect" hook web reconnect begin - <<<"$xml"
	check "nor is one that ends" hook web stopped end - <<<"$xml"
	check "an unmanaged one starts" hook plain prepare begin - < <(describe plain 13 "" -)
	echo 'require-daemon = always' >/etc/vmseg/hostd.conf
	check_fails "with require-daemon = always it does not" \
		hook plain prepare begin - < <(describe plain 13 "" -)
	echo 'require-daemon = never' >/etc/vmseg/hostd.conf
	check "with never the managed one does" hook web prepare begin - <<<"$xml"
	check "an operation that vmseg does not know is none of its business" \
		hook web attach begin - <<<"$xml"
}

# ---- starting and stopping -------------------------------------------------------------------

check_prepare() {
	check "a good domain may start" hook web prepare begin - \
		< <(describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" -)
	check_contains "an unknown policy is refused by name" 'nowhere' \
		"$(describe web 11 "$(managed 11 "<vmseg:policy ref='nowhere'/>")" - |
			hook web prepare begin - 2>&1)"
	check_contains "bad metadata is refused with its line" 'domain web:3' \
		"$(describe web 11 "$(managed 11 "<vmseg:polcy/>")" - | hook web prepare begin - 2>&1)"
	check_equal "what is not XML is refused" 1 \
		"$(hook web prepare begin - <<<"urn:vmseg:1" >/dev/null 2>&1; echo $?)"
	check_equal "none of this has left a port" 0 "$(ports_used)"
}

check_start() {
	check "web starts" start_web
	check_equal "it is listed" enforce "$(domain web .state)"
	check_equal "both directions are hooked" true "$(show_port web '.hooked.in and .hooked.out')"
	check_ask "what the policy allows is answered" answered host 80
	check_ask "what it does not allow is not" silence host 22
	check_equal "what is denied is explained by its rule" "drop policy" \
		"$(vmseg explain web in tcp 192.0.2.99 :22 --json |
			jq -r '.verdict + " " + .reason')"
	check_equal "what is allowed names its rule" "pass http" \
		"$(vmseg explain web in tcp 192.0.2.99 :80 --json |
			jq -r '.verdict + " " + .rule.id')"
	check_contains "a spoofed source is explained by its guard" guard-ip \
		"$(vmseg explain web out udp 192.0.2.99:53 198.51.100.1)"
	check_contains "a question that cannot be is refused" "one family" \
		"$(vmseg explain web out udp 192.0.2.99:53 2001:db8::1 2>&1)"
	check_equal "the session is shown with its rule" http \
		"$(vmseg sessions web --json |
			jq -r '[.sessions[] | select(.local_port == 80)][0].rule')"
	check "counters tell why" test "$(counter web in policy)" -gt 0
	check "and rules tell how often" \
		test "$(show_port web '.rules[] | select(.id == "loud").packets')" -gt 0
	check "the text shows the same" grep -q 'web-server.*http' <(vmseg show web --rules)
	check_equal "a second daemon refuses to run" 1 \
		"$("$BUILD/vmseg-hostd" >/dev/null 2>&1; echo $?)"
}

check_all_or_nothing() {
	local before
	before=$(ports_used)
	check_contains "a domain with a NIC that is missing is refused" missing0 \
		"$(describe admin 12 "$(managed 12 '')" vnet1 missing0 | hook admin start begin - 2>&1)"
	check_equal "and its other NIC has nothing left" "$before" "$(ports_used)"
	check_equal "nor is it known" "" "$(domain admin .state)"
}

check_groups() {
	check_ask "nobody is in the group yet" silence admin 22
	check "admin starts" start_admin
	check_ask "now it is in the group" answered admin 22
	check_equal "and shown there" '["admin"] ["10.0.0.12"]' \
		"$(vmseg group list --json | jq -r '.groups[] | select(.name == "admins") |
			"\(.domains | tojson) \(.addresses | tojson)"')"
	check_equal "with whose rules name it" '["web"] ["web-server"]' \
		"$(vmseg group show admins --json | jq -r '"\(.used_by | tojson) \(.policies | tojson)"')"
	check_contains "and the addresses of each domain" "admin  10.0.0.12" "$(vmseg group show admins)"
	check_ask "others are not" silence host 22
	stop admin 12
	check_equal "a stopped domain is not known any more" "" "$(domain admin .state)"
	check_ask "and out of the group, its sessions too" silence admin 22
	check_equal "which is still known as a policy names it" '[] []' \
		"$(vmseg group show admins --json | jq -r '"\(.domains | tojson) \(.addresses | tojson)"')"
	check_contains "a group that nobody knows is an error" \
		'no running domain is in a group "nobody"' "$(vmseg group show nobody 2>&1)"
}

# ---- changes while it runs -------------------------------------------------------------------

state_file() {
	echo /run/vmseg/domains/*.json
}

# members: the paths of the members in a JSON text, without those that policies name, one a line.
members() {
	jq -c '[paths | map(strings) | select(length > 0 and (index("guards") or index("limits") | not))] |
		unique[]' | sort
}

# documented_members METHOD: those of the example in docs/control-protocol.md.
documented_members() {
	awk -v "title=## $1" '/^## / { inside = $0 == title; reply = 0 } /^Example of `result`/ { reply = inside }
		/^```/ { block = !block; next } reply && block' "$TOP/docs/control-protocol.md" | members
}

# Each method with the command that calls it: what is answered is what the example has. "truncated" is
# the command's own.
check_protocol() {
	local method words
	while read -r method words; do
		# shellcheck disable=SC2086 # several words
		check_equal "$method: members of the reply that its example lacks" "" \
			"$(comm -23 <(vmseg $words --json 2>/dev/null | members | grep -v truncated) \
				<(documented_members "$method"))"
		# shellcheck disable=SC2086
		check "... and it was answered" vmseg $words --json
	done <<-END
		status status
		list list
		show show web
		sessions sessions web
		explain explain web in tcp $HOST:80 :80
		policy-list policy list
		policy-show policy show web-server
		policy-diff policy diff /etc/vmseg/policies/web-server.xml
		group-list group list
		reload reload
	END
}

# A file that is written anew is another file.
check_reload() {
	local before file
	before=$(show_port web .generation) file=$(stat --format %i "$(state_file)")
	check "a reload without a change succeeds" vmseg reload
	check_equal "and touches nothing" "$before" "$(show_port web .generation)"
	check_equal "not even web's state file" "$file" "$(stat --format %i "$(state_file)")"
	rm "$(state_file)"
	check "where that has gone" vmseg reload
	check_contains "it comes back" "<name>web" "$(cat "$(state_file)")"
	write_bad_policy
	check_contains "a bad policy is refused with its place" web-server.xml:2 "$(vmseg reload 2>&1)"
	check_fails "and the exit status says so" vmseg reload
	check_equal "web is shown as stale" stale "$(domain web .state)"
	check_ask "and keeps what it had" answered host 80
	check_ask "all of it" silence host 22
	check_equal "a new start with it is refused" 1 "$(start_web >/dev/null 2>&1; echo $?)"
}

check_second_start() {
	write_good_policy
	vmseg reload >/dev/null
	check "with the policy good again it starts" start_web
	check_equal "once" 1 "$(ports_used)"
}

# What the host's administrator renames stays the guest's port.
check_renamed_device() {
	ip link set vnet0 down
	ip link set vnet0 name uplink0
	ip link set uplink0 up
	write_good_policy
	check "a policy that is reloaded after its device was renamed" vmseg reload
	check_equal "finds it by its MAC" 1 "$(ports_used)"
	check_ask "and goes on filtering" silence host 22
	check_ask "without a loss" answered host 80
	ip link set uplink0 down
	ip link set uplink0 name vnet0
	ip link set vnet0 up
}

check_policy_edits() {
	local file=$LAB/draft web admin
	cat >"$file" <<-XML
		<policy xmlns="urn:vmseg:1" name="extra">
		  <rule id="ssh" direction="in" action="allow"><remote set="office"/><tcp port="22"/></rule>
		</policy>
	XML
	check_contains "a policy that names a set that is not there is not taken" office \
		"$(vmseg policy apply "$file" 2>&1)"
	check_equal "nothing is written" "" "$(find /etc/vmseg/policies -name 'extra*')"
	check "a set is created from standard input" vmseg policy apply - <<-XML
		<set xmlns="urn:vmseg:1" name="office"><cidr>10.0.0.0/30</cidr></set>
	XML
	check "then the policy is taken" vmseg policy apply "$file"
	check_equal "and listed" extra \
		"$(vmseg policy list --json | jq -r '.policies[] | select(.name == "extra").name')"
	check_contains "the set is in use now" "extra" "$(vmseg policy delete office 2>&1)"
	check_contains "so is web's policy" "domain web" "$(vmseg policy delete web-server 2>&1)"
	check_fails "no name leads out of the directory" vmseg policy delete ../hostd
	check "what nobody uses can go" vmseg policy delete extra
	check "and then the set" vmseg policy delete office
	start_admin
	web=$(show_port web .generation)
	admin=$(show_port admin .generation)
	sed 's/port="80"/port="8080"/' /etc/vmseg/policies/web-server.xml >"$file"
	check "a policy in use can be replaced" vmseg policy apply "$file"
	check_ask "at once" silence host 80
	check_fails "by a change of the ports that have it" test "$(show_port web .generation)" = "$web"
	check_equal "and of no other domain's" "$admin" "$(show_port admin .generation)"
	stop admin 12
	write_good_policy
	vmseg reload >/dev/null
}

check_detach() {
	check "detach takes the filter off" vmseg detach web
	check_equal "the domain is shown so" detached "$(domain web .state)"
	check_ask "everything is let through" answered host 22
	stop_hostd
	start_hostd
	check_equal "a new daemon leaves it so" detached "$(domain web .state)"
	check "attach puts it back" vmseg attach web
	check_ask "it filters again" silence host 22
	check_fails "an unknown domain is an error" vmseg detach nobody
}

# ---- the daemon comes and goes ---------------------------------------------------------------

identity() {
	show_port web '[.slot, .generation, .link_id.in, .link_id.out, .session_map_id] | join(" ")'
}

check_adoption() {
	local before packets
	before=$(identity)
	packets=$(counter web in new)
	stop_hostd KILL
	check_ask "with the daemon killed what was allowed is allowed" answered host 80
	check_ask "and what was not is not" silence host 22
	start_hostd
	check_equal "the next one finds the port as it was" "$before" "$(identity)"
	check_equal "and its counters" $((packets + 1)) "$(counter web in new)"
	check_equal "and its sessions" true \
		"$(vmseg sessions web --json | jq 'any(.sessions[]; .local_port == 80)')"
	check_ask "and filters" silence host 22
}

check_adoption_with_bad_policy() {
	stop_hostd
	write_bad_policy
	start_hostd
	check_equal "a policy that went bad meanwhile is reported" stale "$(domain web .state)"
	check_ask "what was in force stays" answered host 80
	check_ask "whole" silence host 22
	write_good_policy
	check "with the good one" vmseg reload
	check_equal "all is well" enforce "$(domain web .state)"
}

check_gone_while_dead() {
	check "admin starts" start_admin
	stop_hostd KILL
	ip link del vnet1
	start_hostd
	check_equal "a domain whose device went while no daemon ran is forgotten" "" \
		"$(domain admin .state)"
	check_equal "with its port" 1 "$(ports_used)"
}

check_device_loss() {
	ip link add vnet5 type veth peer name unplugged
	describe admin 12 "$(managed 12 '')" vnet5 | hook admin start begin -
	check_equal "a port more" 2 "$(ports_used)"
	ip link del vnet5
	check_soon 5 "goes with its device" test_ports_used 1
	stop admin 12
}

test_ports_used() {
	[ "$(ports_used)" -eq "$1" ]
}

# ---- being seen ------------------------------------------------------------------------------

check_metrics() {
	local metrics
	check_equal "the daemon says that it lives" ok \
		"$(curl --silent --max-time 10 http://127.0.0.1:9876/healthz)"
	metrics=$(curl --silent --max-time 10 http://127.0.0.1:9876/metrics)
	check_contains "packets are counted by NIC, direction and reason" \
		'vmseg_packets_total{domain="web",nic="52:54:00:00:00:11",direction="in",reason="policy",verdict="drop"}' \
		"$metrics"
	check_contains "the number of ports is told" $'\nvmseg_ports 1\n' "$metrics"
	check_equal "what is not there is not found" 404 "$(curl --silent --max-time 10 \
		--output /dev/null --write-out '%{http_code}' http://127.0.0.1:9876/etc)"
}

sees_denied() {
	jq -e 'select(.event == "denied" and .domain == "web" and .rule == "loud" and
		.remote == "10.0.0.1" and .local_port == 22)' "$LAB/events"
}

check_monitor() {
	local monitor
	"$BUILD/vmseg" monitor --json >"$LAB/events" &
	monitor=$!
	check_soon 10 "what a rule denies is an event" ask_and_see
	vmseg reload >/dev/null
	check_soon 10 "what the daemon notes is one, too" grep -q '"event":"log".*reloaded' "$LAB/events"
	kill "$monitor"
	wait "$monitor" || true
	check "it is in the log, too" grep -q 'web: vnet0 denied in policy tcp 10.0.0.11:22 <- 10.0.0.1:' \
		"$LAB/hostd.log"
}

ask_and_see() {
	ask_from host 22 >/dev/null
	sees_denied
}

check_read_socket() {
	check "reading is allowed on the read socket" vmseg --socket /run/vmseg/read.sock status
	check_fails "changing is not" vmseg --socket /run/vmseg/read.sock detach web
	check_equal "and changes nothing" enforce "$(domain web .state)"
	check_equal "the control socket is root's" 600 "$(stat -c %a /run/vmseg/control.sock)"
}

check_usage() {
	check_equal "an unknown subcommand is a usage error" 2 "$(vmseg frob >/dev/null 2>&1; echo $?)"
	check_contains "that says where the commands are listed" 'vmseg --help' "$(vmseg frob 2>&1)"
	check_equal "so is a missing argument" 2 "$(vmseg show >/dev/null 2>&1; echo $?)"
	check_equal "so is an option out of place" 2 "$(vmseg list --all >/dev/null 2>&1; echo $?)"
	check_equal "an unknown domain is a failure" 1 "$(vmseg show nobody >/dev/null 2>&1; echo $?)"
	check "a good policy file is good" vmseg policy check /etc/vmseg/policies/web-server.xml
	check_contains "a policy is shown as it is" '<rule id="http"' "$(vmseg policy show web-server)"
}

web_answers_80() {
	[ "$(ask_from host 80)" = "$1" ]
}

check_settings() {
	local good
	good=$(cat /etc/vmseg/hostd.conf)
	echo 'max-portz = 7' >>/etc/vmseg/hostd.conf
	check_contains "bad settings are refused with their place" 'hostd.conf:4: unknown key "max-portz"' \
		"$(vmseg reload 2>&1)"
	check_contains "by --check-config, too" 'hostd.conf:4' \
		"$("$BUILD/vmseg-hostd" --check-config 2>&1)"
	kill -HUP "$hostd_pid"
	check_soon 10 "a signal to reload is no reason to die" \
		grep -q 'not reloaded: /etc/vmseg/hostd.conf:4' "$LAB/hostd.log"
	check "bad settings or not" vmseg status
	echo "$good" >/etc/vmseg/hostd.conf
	check "good settings are good" "$BUILD/vmseg-hostd" --check-config
	printf '%s\n' 'libvirt-uri = none' 'metrics-listen = off' 'max-ports = 7' >/etc/vmseg/hostd.conf
	check_equal "changes that need a restart are named" \
		'vmseg: warning: /etc/vmseg/hostd.conf: max-ports = 7 takes effect when the daemon is stopped, "vmseg detach --all" is run, and the daemon is started again; until then it is 1024
vmseg: warning: /etc/vmseg/hostd.conf: metrics-listen = off takes effect when the daemon is started again; until then it is 127.0.0.1:9876' \
		"$({ vmseg reload >/dev/null; } 2>&1)"
	check "... and no failure" vmseg reload
	check_equal "... in JSON, too" 2 "$(vmseg reload --json 2>/dev/null | jq '.warnings | length')"
	check_soon 10 "... and in the log" grep -q 'max-ports = 7 takes effect' "$LAB/hostd.log"
	echo "$good" >/etc/vmseg/hostd.conf
	check_equal "when they are taken back there is nothing to say" "" "$({ vmseg reload >/dev/null; } 2>&1)"
	write_policy web-server <<-XML
		<policy xmlns="urn:vmseg:1" name="web-server"/>
	XML
	kill -HUP "$hostd_pid"
	check_soon 10 "a signal takes policies that have changed" web_answers_80 silence
	write_good_policy
	kill -HUP "$hostd_pid"
	check_soon 10 "and back" web_answers_80 answered
}

check_end() {
	stop_hostd
	check_ask "after the daemon's end filtering goes on" silence host 22
	check "detach --all works without a daemon" vmseg detach --all
	check_ask "and takes everything off" answered host 22
	check_equal "no pin is left" "" "$(find /sys/fs/bpf -mindepth 1 ! -name '*.debug')"
}

set_up
check_hook_without_daemon
start_hostd 'libvirt-uri = none' 'metrics-listen = 127.0.0.1:9876' 'event-rate = 1000'
check_prepare
check_start
check_all_or_nothing
check_groups
check_protocol
check_reload
check_second_start
check_renamed_device
check_policy_edits
check_detach
check_adoption
check_adoption_with_bad_policy
check_gone_while_dead
check_device_loss
check_metrics
check_monitor
check_read_socket
check_usage
check_settings
check_end
done_testing

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# traffic.sh: what passes between VMs and what does not, as the VMs see it and as vmseg counts it.
# The same cases hold whichever way the programs are attached: see test_traffic_*.sh.

e2e_here=$(dirname "${BASH_SOURCE[0]}")
. "$e2e_here/common.sh"

check_allowed() {
	local ip
	for ip in "$(vm_ip4 $WEB)" "$(vm_ip6 $WEB)"; do
		check "tcp 7000 of web answers: $ip" answers client tcp "$ip" 7000
		check "udp 7000 of web answers: $ip" answers client udp "$ip" 7000
		check "ping of web answers: $ip" pings client "$ip"
	done
	check_equal "tcp 80 serves a page" "hello from web" \
		"$(get_page client "$(vm_ip4 $WEB)")"
	check_equal "a larger answer comes whole" "$(in_vm web "md5sum </www/big")" \
		"$(in_vm client "wget -q -O - http://$(vm_ip4 $WEB)/big | md5sum")"
}

check_denied() {
	local ip before
	before=$(counter web in policy)
	for ip in "$(vm_ip4 $WEB)" "$(vm_ip6 $WEB)"; do
		check "tcp 22 of web is silent: $ip" is_silent client tcp "$ip" 22
		check "udp 22 of web is silent: $ip" is_silent client udp "$ip" 22
	done
	# A SYN is sent again; a datagram is not.
	check "web counts them as denied by policy" [ "$(counter web in policy)" -ge $((before + 4)) ]
	check_equal "client itself drops none of them" 0 "$(counter client out policy)"
	check "client answers nobody" is_silent web tcp "$(vm_ip4 $CLIENT)" 7000
	check "nor over IPv6" is_silent web udp "$(vm_ip6 $CLIENT)" 7000
}

# explained PROTOCOL PORT: what vmseg says would become of a packet from client to web.
explained() {
	vmseg explain web in "$1" "$(vm_ip4 $CLIENT):40000" "$(vm_ip4 $WEB):$2" --json |
		jq -r '"\(.verdict) \(.reason)"'
}

check_explained() {
	check_equal "vmseg explain agrees on what passes" "pass new" "$(explained tcp 7000)"
	check_equal "and on what does not" "drop policy" "$(explained tcp 22)"
}

# Frames that intruder sends, and the exact number that its port counts under the reason.
check_spoof() {
	local description=$1 reason=$2 before
	shift 2
	before=$(counter intruder out "$reason")
	in_vm intruder "send_frame -n 7 $*"
	check_counted "$description: counted as $reason" $((before + 7)) intruder out "$reason"
}

check_spoofing() {
	local client4 client6 web4
	client4=$(vm_ip4 $CLIENT) client6=$(vm_ip6 $CLIENT) web4=$(vm_ip4 $WEB)
	# Broadcast frames reach the bridge itself when the port lets them through. The last one is
	# honest: what comes before it on the wire has been seen when it has. (ARP, which opens no
	# session and so takes nothing from intruder's limit.)
	tcpdump --immediate-mode -l -n -e -i "$VM_BRIDGE" -c 1 arp dst host "$(vm_ip4 42)" \
		>"$LAB/honest.dump" 2>/dev/null &
	local honest=$!
	tcpdump --immediate-mode -l -n -e -i "$VM_BRIDGE" \
		'(' ether src "$(vm_mac $CLIENT)" and src host "$(vm_ip4 $INTRUDER)" ')' or \
		'(' ether src "$(vm_mac $INTRUDER)" and '(' src host "$client4" or src host "$client6" ')' ')' \
		>"$LAB/spoofed.dump" 2>"$LAB/tcpdump.err" &
	local spoofed=$!
	wait_for 5 grep -q listening "$LAB/tcpdump.err"

	check_spoof "another's IPv4 address" guard-ip eth0 udp "$client4" "$web4"
	check_spoof "another's IPv4 address in a SYN" guard-ip -p 7000 eth0 syn "$client4" "$web4"
	check_spoof "another's IPv6 address" guard-ip eth0 udp "$client6" "$(vm_ip6 $WEB)"
	check_spoof "another's MAC address" guard-mac -m "$(vm_mac $CLIENT)" eth0 udp \
		"$(vm_ip4 $INTRUDER)" "$web4"
	check_spoof "another's address in ARP" guard-arp eth0 arp "$client4" "$web4"

	in_vm intruder "send_frame eth0 arp $(vm_ip4 $INTRUDER) $(vm_ip4 42)"
	check_soon 30 "an honest frame passes" grep -q "$(vm_ip4 42)" "$LAB/honest.dump"
	kill $honest $spoofed 2>/dev/null || true
	wait $honest $spoofed || true
	check_equal "none of the others reached the bridge" "" "$(<"$LAB/spoofed.dump")"
}

check_sessions() {
	start_hold client "$(vm_ip4 $WEB)" 7000 3
	check_soon 30 "client holds 3 connections" holds client 7000 alive 3
	check_equal "web's sessions are those 3" "in tcp-established $(vm_ip4 $CLIENT) 3" \
		"$(list_sessions web '.local_port == 7000 and .protocol == "tcp" and .state == "tcp-established"')"
	check_equal "client's are the same, opened by itself" "out tcp-established $(vm_ip4 $WEB) 3" \
		"$(list_sessions client '.remote_port == 7000 and .protocol == "tcp" and .state == "tcp-established"')"
}

# list_sessions NAME FILTER: direction, state and remote of the sessions, and how many there are.
list_sessions() {
	vmseg sessions "$1" --json |
		jq -r ".sessions[] | select($2) | [.opened, .state, .remote] | join(\" \")" |
		sort | uniq -c | awk '{ print $2, $3, $4, $1 }'
}

check_session_limit() {
	local before
	before=$(counter intruder out session-limit)
	start_hold intruder "$(vm_ip4 $WEB)" 7000 8
	check_soon 30 "of 8 connections, 5 are as many as the limit" holds intruder 7000 alive 5
	check "the others are counted as session-limit" \
		[ "$(counter intruder out session-limit)" -ge $((before + 3)) ]
	check_goes_on "those within the limit" intruder
	check_soon 30 "no other VM is concerned" holds client 7000 alive 3
	in_vm intruder killall hold
}

# check_goes_on WHAT NAME: the connections of start_hold are answered on and on.
check_goes_on() {
	local before
	before=$(hold_now "$2" 7000 echoes)
	check_soon 30 "$1 go on" echoes_beyond "$2" 7000 $((before + 20))
}

check_metadata_change() {
	set_metadata web "$(metadata $WEB '<policy ref="web-only"/>')"
	check_soon 30 "connections that the new policy forbids are cut" holds client 7000 waiting 3
	check "web counts them as revoked" [ "$(counter web in revoked)" -gt 0 ]
	check_equal "web has no such session left" "" "$(list_sessions web \
		'.local_port == 7000 and .protocol == "tcp" and .state == "tcp-established"')"
	check "no new one is opened" is_silent client tcp "$(vm_ip4 $WEB)" 7000
	check_equal "what it allows goes on" "hello from web" \
		"$(get_page client "$(vm_ip4 $WEB)")"
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
	check_soon 30 "what the old policy allows is allowed again" answers client tcp "$(vm_ip4 $WEB)" 7000
	check "what was cut stays cut" holds client 7000 alive 0
	in_vm client killall hold
}

check_reload() {
	sed -i 's/port="7000"/port="7001"/' /etc/vmseg/policies/web-server.xml
	check "vmseg reload takes a changed policy file" vmseg reload
	check "the change is in force" is_silent client tcp "$(vm_ip4 $WEB)" 7000
	sed -i 's/port="7001"/port="70000"/' /etc/vmseg/policies/web-server.xml
	check_contains "a bad file is refused with its line" "web-server.xml:6" \
		"$(vmseg reload 2>&1)"
	check_equal "the policy before it stays in force" "hello from web" \
		"$(get_page client "$(vm_ip4 $WEB)")"
	install_policies
	check "a good one is taken again" vmseg reload
	check "and is in force" answers client tcp "$(vm_ip4 $WEB)" 7000
}

check_audit() {
	local before
	before=$(show_port web '.audited.in.packets')
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>' | sed 's/<domain /&mode="audit" /')"
	check_soon 30 "in audit mode what policy denies passes" answers client tcp "$(vm_ip4 $WEB)" 22
	check "and is counted" [ "$(show_port web '.audited.in.packets')" -gt "$before" ]
}

# run_traffic METHOD: all cases with the programs attached that way.
run_traffic() {
	set_up "attach = $1"
	start_three
	in_vm web 'head -c 3000000 /dev/urandom >/www/big'
	check_equal "the programs are attached with $1" "$1" "$(show_port web .attach)"
	check_equal "both directions are hooked" "true true" \
		"$(show_port web '"\(.hooked.in) \(.hooked.out)"')"
	check_allowed
	check_denied
	check_explained
	check_spoofing
	check_sessions
	check_session_limit
	check_metadata_change
	check_reload
	check_audit
	done_testing
}

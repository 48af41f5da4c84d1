#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Others work on the same device: they take programs, filters and qdiscs off, put their own before
# vmseg's, or run iptables on bridged packets. What is taken off is put back, what cannot be helped
# is said. Once by TCX, once by clsact.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq
need bpftool
need iptables
need curl

attach_web() {
	vmseg port attach c11 --mac 52:54:00:00:00:11 --address "$WEB" --policy web-server
}

all_hooked() {
	[ "$(show_port c11 '.hooked.in and .hooked.out')" = true ]
}

# Lines of the log with this text.
count_lines() {
	grep -c "$1" "$LAB/hostd.log" || true
}

# count_repairs: how often the log says that something was put back.
count_repairs() {
	count_lines "c11 is filtered again"
}

repairs_are() {
	[ "$(count_repairs)" = "$1" ]
}

problem_is() {
	[ "$(vmseg status --json | jq -r '[.problems[].error] | join(";")')" = "$1" ]
}

# check_repair WHAT COMMAND...: something is taken off by the command.
check_repair() {
	local what=$1 before sessions
	shift
	before=$(count_repairs)
	ask_from host 80 >/dev/null
	sessions=$(show_port c11 .session_map_id)
	"$@"
	check_soon 30 "$what is missed and put back, once" repairs_are $((before + 1))
	check "in both directions" all_hooked
	check_ask "it filters again" silence host 22
	check_ask "and lets through what it should" answered host 80
	check_equal "with the session table that there was" "$sessions" \
		"$(show_port c11 .session_map_id)"
	check_equal "no problem is left" "[]" "$(vmseg status --json | jq -c .problems)"
}

detach_link() {
	bpftool link detach id "$(show_port c11 ".link_id.$1")"
}

events_tell() {
	jq -es 'any(.event == "log" and .domain == "c11" and (.text | contains("removed vmseg")))' \
		"$LAB/events"
}

# check_event COMMAND...: whoever monitors hears of what the command takes off.
check_event() {
	local monitor
	"$BUILD/vmseg" monitor --json >"$LAB/events" &
	monitor=$!
	check_soon 20 "the monitor listens" reload_and_see
	"$@"
	check_soon 30 "an event says that somebody took it off" events_tell
	check_soon 30 "and what was taken off is back" all_hooked
	kill "$monitor"
	wait "$monitor" || true
}

reload_and_see() {
	vmseg reload >/dev/null
	grep -q reloaded "$LAB/events"
}

pins() {
	find /sys/fs/bpf/vmseg -type f -printf '%P\n' | sort
}

check_tcx() {
	local pinned
	check "by TCX" attach_web
	check_equal "really" tcx "$(show_port c11 .attach)"
	check_repair "a link for what the guest receives" detach_link in
	check_repair "a link for what it sends" detach_link out
	check_repair "a link whose pin is gone" \
		rm "/sys/fs/bpf/vmseg/links/$(show_port c11 .ifindex)-in"
	check_repair "a directory of links that is removed" rm -r /sys/fs/bpf/vmseg/links
	pinned=$(pins)
	check_repair "all that is pinned" rm -r /sys/fs/bpf/vmseg
	check_equal "... which is pinned anew" "$pinned" "$(pins)"
	check_event detach_link in

	# Of what libvirt's <bandwidth> does TCX takes no notice.
	local before
	before=$(count_repairs)
	tc qdisc add dev c11 ingress
	check_ask "an ingress qdisc does not matter" silence host 22
	tc qdisc del dev c11 ingress
	tc qdisc add dev c11 clsact
	tc qdisc del dev c11 clsact
	check_ask "nor do qdiscs that come and go" silence host 22
	check "both directions are hooked" all_hooked
	check_equal "nothing had to be put back" "$before" "$(count_repairs)"
}

BEHIND="a program of other software runs before vmseg's programs: packets that it accepts or redirects are not filtered"
XDP="an XDP program of other software runs before vmseg's programs: packets that it redirects are not filtered"

metric() {
	curl -s --unix-socket "$LAB_RUN/metrics" http://localhost/metrics | grep "^$1" |
		sed 's/.* //'
}

identity() {
	show_port c11 '[.slot, .generation, .session_map_id] | join(" ")'
}

pins_problem_is() {
	[ "$(vmseg status --json | jq '[.problems[] | select(.domain == null)] | length')" = "$1" ]
}

# Pins go with their file system when the daemon goes, which must be known before that.
check_unmount() {
	local before
	before=$(identity)
	check_equal "what is pinned outlives the daemon" 1 "$(metric vmseg_pinned)"
	umount --lazy /sys/fs/bpf
	check_soon 30 "without bpffs that is a problem of the host" pins_problem_is 1
	check_contains "... which says what to do" "mount -t bpf bpf /sys/fs/bpf" "$(vmseg status)"
	check_equal "... and a metric" 0 "$(metric vmseg_pinned)"
	check_ask "meanwhile what is forbidden does not pass" silence host 22
	check_equal "... both directions are hooked" true "$(show_port c11 '.hooked.in and .hooked.out')"
	check_repair_unmounted
	mount -t bpf bpf /sys/fs/bpf
	check_soon 30 "with bpffs the problem is over" pins_problem_is 0
	stop_hostd KILL
	check_ask "... a daemon that is killed leaves the filter behind" silence host 22
	check_ask "... with what it lets through" answered host 80
	start_hostd
	check_equal "... which the next one takes over" "$before" "$(identity)"
	check "... really" [ "$(vmseg status --json | jq .datapath.adopted)" = true ]
}

# While bpffs is away, devices come and programs are taken off all the same.
check_repair_unmounted() {
	local before
	before=$(count_repairs)
	detach_link out
	check_soon 30 "... what is taken off is put back" repairs_are $((before + 1))
	add_guest other c12 12
	check "... a device can be attached" vmseg port attach c12 --mac 52:54:00:00:00:12 \
		--address 10.0.0.12 --policy web-server
	check_equal "... and is filtered" true "$(show_port c12 '.hooked.in and .hooked.out')"
}

# ---- redirects --------------------------------------------------------------------------------

# Where programs of others redirect what the guest sends, as container networks do.
add_sink() {
	ip netns add sink
	ip link add sink0 type veth peer name eth0 netns sink
	echo 1 >/proc/sys/net/ipv6/conf/sink0/disable_ipv6
	ip netns exec sink sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'
	ip link set sink0 up
	ip -netns sink link set eth0 up
	ip netns exec web sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'
	tc -n sink qdisc add dev eth0 clsact
	tc -n sink filter add dev eth0 ingress protocol ip u32 match ip dst 10.0.0.99/32 \
		action mirred ingress redirect dev lo
}

# Of the frames of web_sends: the guest's stack sends others, ARP requests, when it likes.
sink_received() {
	tc -n sink -s -j filter show dev eth0 ingress |
		jq '[.[].options.actions[]?.stats.packets] | add // 0'
}

sink_has() {
	[ "$(sink_received)" = "$1" ]
}

# web_sends SOURCE COUNT
web_sends() {
	ip netns exec web "$TOOLS/send_frame" -n "$2" -i 1 eth0 udp "$1" 10.0.0.99
}

# check_bypassed HOW PROBLEM COMMAND...: what the guest sends is redirected before vmseg sees it, by
# what the command does.
check_bypassed() {
	local how=$1 problem=$2 before dropped
	shift 2
	"$@"
	check_soon 40 "$how that redirects before vmseg is a problem that is said" problem_is "$problem"
	check_equal "... in the list, too" stale "$(domain c11 .state)"
	check_equal "... and a metric" 1 "$(metric 'vmseg_port_bypassed{domain="c11"')"
	before=$(sink_received)
	dropped=$(counter c11 out guard-ip)
	web_sends 10.0.0.77 5
	check_soon 10 "... for it passes what is forged" sink_has $((before + 5))
	check_equal "... which vmseg does not see" "$dropped" "$(counter c11 out guard-ip)"
}

# check_guarded HOW: what is forged does not come to where others redirect.
check_guarded() {
	local before dropped
	before=$(sink_received)
	dropped=$(counter c11 out guard-ip)
	web_sends 10.0.0.77 5
	check_equal "$1: what is forged is dropped" $((dropped + 5)) "$(counter c11 out guard-ip)"
	web_sends "$WEB" 3
	check_soon 10 "... and what may be sent arrives" sink_has $((before + 3))
	check_equal "... without a problem" "0 []" \
		"$(metric 'vmseg_port_bypassed{domain="c11"') $(vmseg status --json | jq -c .problems)"
}

put_program() {
	"$TOOLS/put_program" "$@" >"$LAB/put_program" &
	program_pid=$!
	wait_for 10 grep -q attached "$LAB/put_program"
}

take_program() {
	kill "$program_pid"
	wait "$program_pid" || true
	check_soon 40 "when it is gone all is well" problem_is ""
}

check_redirects_tcx() {
	add_sink
	check_bypassed "a program by TCX" "$BEHIND" put_program ingress c11 sink0
	take_program
	put_program after-ingress c11 sink0
	check_guarded "a program by TCX that redirects after vmseg"
	take_program
	put_program egress c11
	check_soon 40 "one that only looks on at what the guest receives is said, too" problem_is "$BEHIND"
	take_program
	check_bypassed "an XDP program" "$XDP" put_program xdp c11 sink0
	take_program
	redirect_by_filter
	check_guarded "a filter of clsact runs after TCX"
	tc qdisc del dev c11 clsact
}

redirect_by_filter() {
	tc qdisc add dev c11 clsact 2>/dev/null || true
	tc filter add dev c11 ingress prio 1 protocol all u32 match u32 0 0 \
		action mirred egress redirect dev sink0
}

check_redirects_clsact() {
	check_bypassed "a filter" "$BEHIND" redirect_by_filter
	tc filter del dev c11 ingress prio 1
	check_soon 40 "when it is gone all is well" problem_is ""
	if [ "$with_tcx" ]; then
		check_bypassed "a program by TCX" "$BEHIND" put_program ingress c11 sink0
		take_program
	fi
}

check_clsact() {
	check "by clsact" attach_web
	check_equal "really" clsact "$(show_port c11 .attach)"
	check_repair "a filter for what the guest receives" tc filter del dev c11 egress
	check_repair "a filter for what it sends" tc filter del dev c11 ingress
	check_repair "a qdisc" tc qdisc del dev c11 clsact
	check_event tc qdisc del dev c11 clsact
	check_ingress_qdisc
	check_before
}

# What libvirt's <bandwidth> and domiftune do: they cannot take clsact away, nor get in its place.
check_ingress_qdisc() {
	check_fails "an ingress qdisc cannot be made where clsact is" tc qdisc add dev c11 ingress
	check_fails "nor does taking one away take clsact away" tc qdisc del dev c11 ingress
	check "both directions are hooked" all_hooked

	# The daemon comes too late for somebody who is quick.
	stop_hostd
	tc qdisc del dev c11 clsact
	tc qdisc add dev c11 ingress
	start_hostd
	check_soon 30 "one that has got in its place is a problem that is said" \
		eval 'vmseg status | grep -q "c11.*is not filtered:.*qdisc.*ingress"'
	check_equal "in the list, too" stale "$(domain c11 .state)"
	tc qdisc del dev c11 ingress
	check_soon 30 "when it is gone the programs come back" all_hooked
	check_soon 30 "and the problem goes" problem_is ""
	check_ask "it filters again" silence host 22
}

# A classifier that accepts everything before vmseg is asked.
check_before() {
	tc filter add dev c11 egress prio 1 protocol all u32 match u32 0 0 classid 1:1
	check_soon 30 "a filter that comes before vmseg's is a problem that is said" \
		problem_is "$BEHIND"
	check_contains "to whoever looks at the port, too" "runs before" "$(vmseg show c11)"
	tc filter del dev c11 egress prio 1
	check_soon 30 "when it is gone all is well" problem_is ""
	check_ask "and policy decides" silence host 22
}

# Docker and others load it: iptables then sees what the bridge forwards, before and after vmseg.
check_br_netfilter() {
	local switch=/proc/sys/net/bridge/bridge-nf-call-iptables
	if ! [ -w "$switch" ]; then
		report 0 "br_netfilter # SKIP this kernel has none"
		return
	fi
	iptables -A FORWARD -p tcp --dport 80 -j ACCEPT
	echo 1 >"$switch"
	ip netns add client
	plug_guest client c13 13
	check_ask "with br_netfilter what vmseg allows is answered" answered client 80
	check_ask "what it denies is not" silence client 22
	check "iptables has seen it" test "$(iptables -nvxL FORWARD | awk '/dpt:80/ { print $1 }')" -gt 0
	iptables -I FORWARD -p tcp --dport 80 -j DROP
	check_ask "what iptables denies is denied" silence client 80
	echo 0 >"$switch"
	check_ask "and without br_netfilter it has no say" answered client 80
	iptables -F FORWARD
	ip netns del client
}

mkdir -p /etc/vmseg/policies
add_bridge br0 "$HOST/24"
add_guest web c11 11
write_good_policy

with_tcx=
start_hostd 'libvirt-uri = none' "metrics-listen = $LAB_RUN/metrics"
if [ "$(vmseg status --json | jq -r .datapath.attach)" = tcx ]; then
	with_tcx=yes
	check_tcx
	check_unmount
	check_redirects_tcx
	vmseg port detach c11
else
	report 0 "TCX # SKIP this kernel has none"
fi
stop_hostd
start_hostd 'libvirt-uri = none' 'attach = clsact' "metrics-listen = $LAB_RUN/metrics"
check_clsact
[ "$with_tcx" ] || add_sink
check_redirects_clsact
check_br_netfilter
stop_hostd
done_testing

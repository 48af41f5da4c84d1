# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lanes.sh: lanes in the lab, each two stacks whose frames all go through user space:
#
#   plain      NAME-left                                NAME-right
#              eth0 ---- NAME-lw   [user space]  NAME-rw ---- eth0
#
#   filtered   eth0 ---- left0 -- bridge -- NAME-ll ---- NAME-lw   [user space]   and so on
#                        a port
#
# All lanes have the same addresses, so that one sequence is the same frames in each.

lanes_here=$(dirname "${BASH_SOURCE[0]}")
. "$lanes_here/../harness/lab.sh"
. "$lanes_here/../harness/hostd.sh"
. "$lanes_here/../harness/tap.sh"

LEFT4=10.0.0.11 LEFT6=fd00::11 LEFT_MAC=52:54:00:00:00:11
RIGHT4=10.0.0.12 RIGHT6=fd00::12 RIGHT_MAC=52:54:00:00:00:12

# add_stack LANE SIDE DEVICE: a namespace whose NIC ends at DEVICE.
add_stack() {
	local name=$1-$2 mac=$LEFT_MAC address=$LEFT4 address6=$LEFT6
	local peer=$RIGHT4 peer6=$RIGHT6 peer_mac=$RIGHT_MAC
	[ "$2" = left ] || {
		mac=$RIGHT_MAC address=$RIGHT4 address6=$RIGHT6
		peer=$LEFT4 peer6=$LEFT6 peer_mac=$LEFT_MAC
	}
	ip netns add "$name"
	ip -netns "$name" link set lo up
	ip link add "$3" type veth peer name eth0 netns "$name" address "$mac"
	ip link set "$3" up
	# One segment a frame, as the wire wants them.
	ip -netns "$name" link set eth0 gso_max_segs 1 up
	ip -netns "$name" address add "$address/24" dev eth0
	ip -netns "$name" address add "$address6/64" dev eth0 nodad
	ip -netns "$name" neighbor add "$peer" lladdr "$peer_mac" dev eth0 nud permanent
	ip -netns "$name" neighbor add "$peer6" lladdr "$peer_mac" dev eth0 nud permanent
	# Every acknowledgment at once: what a stack sends is to follow from what it gets.
	ip -netns "$name" route change 10.0.0.0/24 dev eth0 src "$address" quickack 1
	ip -netns "$name" -6 route replace fd00::/64 dev eth0 proto kernel quickack 1
	tune_stack "$name"
}

# tune_stack NAME: short retransmission times, no limits that sequences share, and nothing learned
# from one for the next. What the kernel does not have is left alone.
tune_stack() {
	local setting file
	for setting in tcp_rto_min_us=40000 tcp_rto_max_ms=1000 tcp_syn_linear_timeouts=12 \
		tcp_early_retrans=0 tcp_syncookies=0 tcp_max_syn_backlog=65536 tcp_invalid_ratelimit=0 \
		tcp_challenge_ack_limit=2147483647 tcp_no_metrics_save=1 tcp_max_tw_buckets=1000000 \
		tcp_synack_retries=12 tcp_retries2=30 tcp_tw_reuse=0 tcp_mtu_probing=0; do
		file=/proc/sys/net/ipv4/${setting%=*}
		ip netns exec "$1" sh -c "[ ! -e $file ] || echo ${setting#*=} >$file" ||
			die "$1: $setting is refused"
	done
	ip netns exec "$1" sh -c 'echo 65535 >/proc/sys/net/core/somaxconn'
}

# add_plain_lane NAME
add_plain_lane() {
	add_stack "$1" left "$1-lw"
	add_stack "$1" right "$1-rw"
}

# add_filtered_lane NAME: its ports are left0 and right0.
add_filtered_lane() {
	local side letter
	for side in left right; do
		letter=${side:0:1}
		add_stack "$1" $side "${side}0"
		add_bridge "br-$side"
		ip link add "$1-l$letter" type veth peer name "$1-${letter}w"
		ip link set "$1-l$letter" master "br-$side" up
		ip link set "$1-${letter}w" up
		ip link set "${side}0" master "br-$side"
	done
}

# filter_lane [SETTING...]: the daemon, and both ports with everything allowed but what the tracker
# refuses.
filter_lane() {
	mkdir -p /etc/vmseg/policies
	write_policy open <<-XML
		<policy xmlns="urn:vmseg:1" name="open">
		  <default in="allow" out="allow"/>
		  <limits sessions="1000000" half-open="1000000" session-rate="1000000"
		          session-burst="1000000"/>
		</policy>
	XML
	start_hostd "libvirt-uri = none" "log-events = off" "pickup-window = 0" "$@"
	vmseg port attach left0 --mac "$LEFT_MAC" --address "$LEFT4" --address "$LEFT6" --policy open
	vmseg port attach right0 --mac "$RIGHT_MAC" --address "$RIGHT4" --address "$RIGHT6" --policy open
}

# list_counters: what both ports have counted, by direction and reason.
list_counters() {
	local port
	for port in left0 right0; do
		show_port $port "(.counters // [])[] | \"$port \\(.direction) \\(.reason) \\(.packets)\""
	done
}

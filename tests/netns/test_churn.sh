#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Churn: short connections between two stacks, a filtered port at each of them, at the highest rate
# that the machine gives and over few ports, so that each is used anew as soon as its stack allows
# it. Sides close one after the other, at once on two CPUs, or reset. None may hang.
#
# CHURN_SECONDS (10) says for how long.

set -euo pipefail
. "$(dirname "$0")/../stacks/lanes.sh"

enter_lab "$@"
need jq

CLIENT_PORTS=960

add_bridge br0
for side in left right; do
	add_stack churn $side ${side}0
	ip link set ${side}0 master br0
	ip netns exec churn-$side sh -c 'echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse
		[ ! -e /proc/sys/net/ipv4/tcp_tw_reuse_delay ] ||
			echo 1 >/proc/sys/net/ipv4/tcp_tw_reuse_delay'
done
filter_lane

ip netns exec churn-right "$TOOLS/churn" serve 7001 &
wait_for 10 eval 'ip netns exec churn-right ss -Hltn "sport = :7001" | grep -q LISTEN'
ip netns exec churn-left "$TOOLS/churn" run "$RIGHT4" 7001 "${CHURN_SECONDS:-10}" 20000 \
	$CLIENT_PORTS >"$LAB/churn" 2>"$LAB/churn.failed"

read -r completed _ hung _ reset _ busy _ <"$LAB/churn"
echo "# $completed connections over $CLIENT_PORTS ports; $busy times a port was not free yet"
check_equal "no connection hangs" 0 "$hung"
check_equal "none is reset that was not to be" 0 "$reset"
check "each port has been used several times" [ "$completed" -gt $((4 * CLIENT_PORTS)) ]
head -n 20 "$LAB/churn.failed" | sed 's/^/# /'
list_counters | sed 's/^/# /'
done_testing

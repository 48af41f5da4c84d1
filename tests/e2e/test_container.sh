#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Containers of libvirt's LXC driver: the same hook, the same programs, on a veth.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/container.sh"

BOX=50

# What this side of the bridge hears from the container.
ask_box() {
	"$TOOLS/ask" "$@" || [ $? -le 2 ]
}

box_answers() {
	[ "$(ask_box -w $ANSWER_SECONDS "$@")" = answered ]
}

box_is_silent() {
	[ "$(ask_box -w $SILENCE_SECONDS "$@")" = silence ]
}

enter_lab "$@"
mount_cgroups
install -D -m 755 "$BUILD/vmseg-hook" /etc/libvirt/hooks/lxc.d/vmseg
set_up "libvirt-uri = qemu:///system lxc:///system"

create_container box $BOX "$(metadata $BOX '<policy ref="web-server"/>')"
check_equal "vmseg knows the container" lxc "$(vmseg show box --json | jq -r .driver)"
check_equal "both directions are hooked" "true true" \
	"$(show_port box '"\(.hooked.in) \(.hooked.out)"')"
in_container box "echo_server 22 7000 >/dev/null 2>&1 &"
for ip in "$(vm_ip4 $BOX)" "$(vm_ip6 $BOX)"; do
	check_soon 30 "what the policy allows is answered: $ip" box_answers tcp "$ip" 7000
	check "what it does not is dropped: $ip" box_is_silent tcp "$ip" 22
done
check "and counted" [ "$(counter box in policy)" -gt 0 ]

before=$(counter box out guard-ip)
in_container box "send_frame -n 7 eth0 udp $(vm_ip4 51) $VM_NET4.1"
check_counted "another's address is dropped and counted as guard-ip" $((before + 7)) \
	box out guard-ip

"${LXC[@]}" metadata box --uri urn:vmseg:1 --key vmseg --live \
	--set "$(metadata $BOX '<policy ref="web-only"/>')"
check_soon 30 "a change of its metadata is taken" box_is_silent tcp "$(vm_ip4 $BOX)" 7000

pins=$(list_pins | wc -l)
destroy_container box
check_soon 30 "when it ends, so does its port" eval "[ \$(list_pins | wc -l) -lt $pins ]"

said=$(create_container bad 52 "$(metadata 52 '<policy ref="no-such-policy"/>')" 2>&1) &&
	said="(it started)"
check_contains "a bad policy refuses a container too" no-such-policy "$said"

done_testing

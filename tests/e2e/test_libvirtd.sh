#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirtd restarts, dies, hangs and waits, and vmseg goes on: ports are as they were, hooks are
# answered, and what has changed meanwhile is made up for.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/probe.sh"

# Domains as vmseg finds them: nothing of this changes when nothing has changed.
identities() {
	local name
	for name in web other; do
		show_port "$name" '[.slot, .generation, .link_id.in, .link_id.out, .session_map_id,
			.ifindex] | join(" ")'
	done
}

# Holds the domain "late", which is starting, in the middle of its start: libvirtd has it locked.
install_waiting_hook() {
	mkdir -p /etc/libvirt/hooks/qemu.d
	cat >/etc/libvirt/hooks/qemu.d/00-wait <<-EOF
		#!/bin/sh
		[ "\$1 \$2" = "late start" ] || exit 0
		: >$LAB_RUN/waiting
		while [ -e $LAB_RUN/hold ]; do sleep 0.05; done
	EOF
	chmod +x /etc/libvirt/hooks/qemu.d/00-wait
}

is_disconnected() {
	vmseg status --json | jq -e '.libvirt[0].connected | not'
}

is_running() {
	[ "$(virsh --quiet domstate "$1")" = running ]
}

knows_domains() {
	[ "$(vmseg list --json | jq -r '[.domains[].name] | sort | join(" ")')" = "$1" ]
}

# check_unchanged BEFORE: after libvirtd has been found again.
check_unchanged() {
	check_soon 30 "... libvirtd is found again" libvirt_connected
	check_equal "... slots, generations, links and session tables are what they were" "$1" \
		"$(identities)"
}

check_restart() {
	local before
	before=$(identities)
	through "libvirtd restarts" $WEB lossless restart_libvirtd
	check_unchanged "$before"
}

crash_libvirtd() {
	kill -KILL "$libvirtd_pid"
	wait "$libvirtd_pid" || true
}

# The domain "gone" ends while nobody can tell.
crash_with_a_loss() {
	crash_libvirtd
	kill -KILL "$(</run/libvirt/qemu/gone.pid)"
	start_libvirtd
}

check_crash() {
	local before
	create_paused gone 40 "$(metadata 40 '<policy ref="desktop"/>')"
	before=$(identities)
	through "libvirtd is killed, and a guest with it" $WEB lossless crash_with_a_loss
	check_unchanged "$before"
	check_soon 30 "... the guest is forgotten, the others are not" knows_domains "other web"
}

# Neither of the two is there to tell the other.
check_both_gone() {
	local before
	before=$(identities)
	through "libvirtd restarts without vmseg-hostd" $WEB lossless restart_both
	check "... which kills no guest" is_running web
	check_unchanged "$before"
}

restart_both() {
	stop_hostd KILL
	restart_libvirtd
	start_hostd
}

# What was changed before vmseg-hostd listened again.
check_missed_change() {
	restart_libvirtd
	set_metadata other "$(metadata $CLIENT '<policy ref="web-only"/>')"
	check_soon 30 "metadata that is set right after a restart is taken" policies_are other web-only
	set_metadata other "$(metadata $CLIENT '<policy ref="desktop"/>')"
	check_soon 30 "... and set back" policies_are other desktop
}

policies_are() {
	[ "$(show_port "$1" '.policies | join(" ")')" = "$2" ]
}

# ---- hangs ----------------------------------------------------------------------------------

# The hook's word for a domain that is not started: as libvirtd would ask for it.
ask_hook() {
	domain_xml new 50 "$(metadata 50 "<policy ref=\"$1\"/>")" |
		sed '/<name>/a <uuid>00000000-0000-0000-0000-000000000050</uuid>' |
		/etc/libvirt/hooks/qemu.d/vmseg new prepare begin -
}

check_answers() {
	check "... hooks are answered: yes" ask_hook web-server
	check_contains "... and no" no-such-policy "$(ask_hook no-such-policy 2>&1)"
	check "... and so are people" vmseg status
}

hang_libvirtd() {
	kill -STOP "$libvirtd_pid"
}

check_hang() {
	local before
	before=$(identities)
	through "libvirtd hangs" $WEB lossless hang_libvirtd
	check_answers
	check_soon 60 "... it is missed" is_disconnected
	check_answers
	kill -CONT "$libvirtd_pid"
	check_unchanged "$before"
}

# The thread is in a call to libvirt that does not return; nothing else waits for it.
check_blocked() {
	local status=0
	stop_hostd
	hang_libvirtd
	start_hostd
	check_soon 30 "the libvirt thread waits for an answer" waits_for_libvirtd
	check_answers
	kill -TERM "$hostd_pid"
	wait "$hostd_pid" || status=$?
	check_equal "... and the daemon can end" 0 "$status"
	start_hostd
	kill -CONT "$libvirtd_pid"
	check_soon 30 "libvirtd goes on, and is connected to" libvirt_connected
}

# No attempt to connect has come to an end yet.
waits_for_libvirtd() {
	vmseg status --json | jq -e '.libvirt[0] | .connected == false and .problem == null'
}

# libvirtd waits for the hook with the domain locked, and vmseg-hostd's thread for libvirtd.
check_locked() {
	local creating status=0
	: >"$LAB_RUN/hold"
	domain_xml late 60 "$(metadata 60 '<policy ref="desktop"/>')" >"$LAB/late.xml"
	virsh --quiet create --paused "$LAB/late.xml" >"$LAB/late.out" 2>&1 &
	creating=$!
	check "a domain is held in the middle of its start" wait_for 30 test -e "$LAB_RUN/waiting"
	check_fails "libvirt's list waits for it" timeout 2 virsh list
	stop_hostd
	start_hostd
	check_soon 30 "vmseg-hostd has connected, and asks for that list" libvirt_connected
	check_answers
	rm "$LAB_RUN/hold"
	wait "$creating" || status=$?
	report "$status" "its start hook is answered all the same" "$(<"$LAB/late.out")"
	check_equal "... and the domain is filtered" "true true" \
		"$(show_port late '"\(.hooked.in) \(.hooked.out)"')"
	destroy_vm late
	check_soon 30 "... until it ends" knows_domains "other web"
}

enter_lab "$@"
install_waiting_hook
set_up
start_watch
create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
create_paused other $CLIENT "$(metadata $CLIENT '<policy ref="desktop"/>')"
check_soon 30 "libvirtd is connected to" libvirt_connected
check_restart
check_crash
check_both_gone
check_missed_change
check_hang
check_blocked
check_locked
done_testing

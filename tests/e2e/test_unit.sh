#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon as systemd runs it, under everything that its unit forbids: what it has to do it can
# do, it is brought back whatever happens to it, and members of its group may look and no more.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/systemd.sh"

UNIT=vmseg-hostd.service

# unit_property NAME
unit_property() {
	in_systemd systemctl show "$UNIT" --value --property "$1"
}

# process_status FIELD: of the daemon, as the kernel tells it.
process_status() {
	in_systemd sed -n "s/^$1:[[:space:]]*//p" "/proc/$(unit_property MainPID)/status"
}

# The daemon's capabilities by name, in order.
capabilities() {
	capsh --decode="$(process_status "$1")" | sed 's/.*=//' | tr , '\n' | sort | xargs
}

# What this side of the bridge hears from web.
web_answers() {
	[ "$("$TOOLS/ask" -w $ANSWER_SECONDS tcp "$(vm_ip4 $WEB)" "$1")" = answered ]
}

web_is_silent() {
	[ "$("$TOOLS/ask" -w $SILENCE_SECONDS tcp "$(vm_ip4 $WEB)" "$1")" = silence ]
}

identity() {
	show_port web '[.slot, .generation, .link_id.in, .link_id.out, .session_map_id] | join(" ")'
}

# As systemd counts it: from 0, nothing could do any harm, to 10. It counts what the daemon needs (the
# capabilities of decision 13 for 0.4), and bpffs, which is to be writable.
EXPOSURE_MAX=3

check_exposure() {
	local exposure
	exposure=$(in_systemd systemd-analyze security --no-pager "$UNIT" |
		sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
	check "systemd counts an exposure of no more than $EXPOSURE_MAX: $exposure" \
		jq -en "${exposure:-10} <= $EXPOSURE_MAX"
}

check_started() {
	check "it starts, and says itself when it is ready" in_systemd systemctl start "$UNIT"
	check_equal "it is what the unit says it is" "active notify always" \
		"$(unit_property ActiveState) $(unit_property Type) $(unit_property Restart)"
	check_equal "with the capabilities of the unit and no other" \
		"cap_bpf cap_chown cap_dac_read_search cap_net_admin cap_perfmon cap_sys_admin cap_sys_ptrace" "$(capabilities CapBnd)"
	check_equal "no new privileges and a filter of system calls" "1 2" \
		"$(process_status NoNewPrivs) $(process_status Seccomp)"
}

check_filters() {
	create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
	in_vm web 'echo_server 22 7000 >/dev/null 2>&1 &'
	check_soon 30 "a domain that starts is filtered: what is allowed passes" web_answers 7000
	check "and what is not does not" web_is_silent 22
	check_equal "vmseg explains" "drop policy" \
		"$(vmseg explain web in tcp 192.0.2.99 :22 --json | jq -r '"\(.verdict) \(.reason)"')"
	interface_xml 52:54:00:77:01:01 >"$LAB/nic.xml"
	virsh --quiet attach-device web "$LAB/nic.xml" --live
	check_soon 30 "so is a NIC that is plugged in" ports_are web 2
}

ports_are() {
	[ "$(vmseg show "$1" --json | jq '[.ports[] | select(.hooked.in and .hooked.out)] | length')" = "$2" ]
}

check_changes() {
	set_metadata web "$(metadata $WEB '<policy ref="web-only"/>')"
	check_soon 30 "a change of the metadata is taken" web_is_silent 7000
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
	check_soon 30 "and the way back" web_answers 7000
	sed 's/port="7000"/port="22"/' "$TOP/tests/harness/policies/web-server.xml" >"$LAB/draft"
	check "a policy can be replaced" vmseg policy apply "$LAB/draft"
	check "at once" web_answers 22
	install_policies
	check "systemctl reload reads the policies again" in_systemd systemctl reload "$UNIT"
	check_soon 30 "soon" web_is_silent 22
	check_equal "metrics are told to this host" ok \
		"$(curl --silent --max-time 10 http://127.0.0.1:9876/healthz)"
}

check_brought_back() {
	local before pid i
	before=$(identity)
	for ((i = 1; i <= 7; i++)); do
		pid=$(unit_property MainPID)
		in_systemd kill -KILL "$pid"
		wait_for 30 runs_anew "$pid" || break
	done
	check "killed, it is brought back, however often" runs_anew "$pid"
	check_equal "with the port as it was" "$before" "$(identity)"
	set_watchdog 5
	pid=$(unit_property MainPID)
	in_systemd kill -STOP "$pid"
	check "while it hangs, filtering goes on" web_is_silent 22
	check_soon 60 "a daemon that hangs is replaced" runs_anew "$pid"
	check "because of the watchdog" grep -q "$UNIT: Watchdog timeout" /dev/kmsg
	check_equal "with the port as it was" "$before" "$(identity)"
	set_watchdog 180
	check "and all goes on" web_answers 7000
	check "stopped" in_systemd systemctl stop "$UNIT"
	check "it leaves the filter" web_is_silent 22
	check "and nothing that is open" web_answers 7000
	check "started" in_systemd systemctl start "$UNIT"
	check_equal "it takes the port over" "$before" "$(identity)"
}

# set_watchdog SECONDS: a limit as short as a test wants kills a daemon that only waits for its turn on a
# busy machine, so it is short only for the daemon that is made to hang.
set_watchdog() {
	printf '[Service]\nWatchdogSec=%s\n' "$1" >"$LAB/units/vmseg-hostd.service.d/watchdog.conf"
	in_systemd systemctl daemon-reload
	in_systemd systemctl restart "$UNIT"
}

# runs_anew PID: another process than that, and ready. Both are of one moment: asked one after the
# other, the unit may still be active, of the old process, and then have the new one, not yet ready.
runs_anew() {
	in_systemd systemctl show "$UNIT" --property ActiveState --property MainPID |
		awk -F = -v old="$1" '{ is[$1] = $2 }
			END { exit !(is["ActiveState"] == "active" && is["MainPID"] != old) }'
}

# as_nobody GROUP COMMAND...: the vmseg command without any privilege, with one group.
as_nobody() {
	local group=$1
	shift
	setpriv --reuid 65534 --regid "$group" --clear-groups "$LAB_RUN/sbin/vmseg" "$@"
}

check_group() {
	check "a member of the group may look" as_nobody vmseg show web
	check_fails "but not change a thing" as_nobody vmseg detach web
	check_fails "nor by the socket that is for looking" \
		as_nobody vmseg --socket /run/vmseg/read.sock detach web
	check_fails "anybody else may not even look" as_nobody nogroup show web
	check "nothing has changed" web_is_silent 22
}

host_problems_are() {
	[ "$(vmseg status --json | jq '[.problems[] | select(.domain == null)] | length')" = "$1" ]
}

# A process of another user that looks like web's QEMU, and has a tap open. It is where the daemon is:
# libvirtd's own processes have other numbers there.
start_holder() {
	local uuid
	uuid=$(virsh domuuid web)
	ip tuntap add tap7 mode tap user 65534
	mkfifo "$LAB_RUN/holder"
	chmod 666 "$LAB_RUN/holder"
	cp "$TOP/tests/harness/hold_tap.py" "$LAB_RUN"
	# shellcheck disable=SC2016 # for the shell in there
	in_systemd setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \
		'echo $$; exec python3 "$1" tap7 -uuid "$2" <"$3" 2>&1' - "$LAB_RUN/hold_tap.py" \
		"$uuid" "$LAB_RUN/holder" >"$LAB/holder" &
	exec 7>"$LAB_RUN/holder"
	wait_for 30 [ -s "$LAB/holder" ]
	cp /run/libvirt/qemu/web.pid "$LAB/web.pid"
	head -1 "$LAB/holder" >/run/libvirt/qemu/web.pid
}

is_named() {
	vmseg status --json | jq -r '.problems[] | "\(.domain): \(.error)"' |
		grep -q "^web: its QEMU has device tap7 open"
}

check_holder() {
	start_holder
	check_soon 60 "it sees what the QEMU of a managed domain has open" is_named
	exec 7>&-
	cp "$LAB/web.pid" /run/libvirt/qemu/web.pid
	ip link del tap7
}

# In the mounts that the unit has of its own, too.
check_unmounted() {
	local before
	before=$(show_port web '[.slot, .generation, .session_map_id] | join(" ")')
	in_systemd umount --lazy /sys/fs/bpf
	check_soon 60 "it learns that bpffs is not mounted any more" host_problems_are 1
	check "... and filters" web_is_silent 22
	in_systemd mount -t bpf bpf /sys/fs/bpf
	check_soon 60 "... and that it is mounted again" host_problems_are 0
	check "... restarted" in_systemd systemctl restart "$UNIT"
	check_equal "... it finds the port as it was" "$before" \
		"$(show_port web '[.slot, .generation, .session_map_id] | join(" ")')"
}

enter_lab "$@"
need capsh libcap2-bin
need curl
need python3
add_bridge "$VM_BRIDGE" "$VM_NET4.1/24" "${VM_NET6}1/64"
install_policies
install_hook "$BUILD/vmseg-hook"
systemd-sysusers "$TOP/packaging/sysusers.d/vmseg.conf"
printf '%s\n' 'log-level = debug' 'metrics-listen = 127.0.0.1:9876' >/etc/vmseg/hostd.conf
start_systemd
check_exposure
check_started
start_libvirtd
check_soon 60 "it finds libvirt" libvirt_connected
check_filters
check_changes
check_brought_back
check_group
check_holder
check_unmounted
check_equal "nothing was denied to it in all this" "" \
	"$(grep -iE 'permitted|denied to|permission' "$LAB/hostd.log")"
done_testing

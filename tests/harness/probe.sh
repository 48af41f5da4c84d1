# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# probe.sh: numbered packets that run through an event, and what became of each. Needs lab.sh,
# vm.sh and tap.sh.
#
# start_watch counts, from then on and on every device of the lab, the frames that carry a probe's
# name: tried, gone into a guest, come out of one (tests/harness/tools/watch_frames.c says exactly
# where). It needs no guest, so guests may come, go, and move meanwhile. Frames are sent below the IP
# stack: they meet a new tap the moment it is in the bridge. Names are used once in a script,
# and have at most 31 characters.
#
#   start_watch
#   probe_into web-allowed 10 7000              # from the host to udp 7000 of VM number 10
#   probe_from web spoofed 10.77.0.99 10.77.0.1 # out of the VM web, with a source of one's choice
#   ...whatever happens...
#   stop_probe web-allowed; stop_probe_from web spoofed
#   check_none_passed "nothing forbidden passed" spoofed
#   check_none_lost "nothing allowed was lost" web-allowed in
#
# through does all this for an event: see below. A host of several network namespaces has one
# watch for each: start_watch FILE, run in the namespace, with PROBE_COUNTS=FILE for the others.

PROBE_MS=5

# The VM's ports that the policies in tests/harness/policies let in and do not.
PROBE_ALLOWED=7000 PROBE_FORBIDDEN=22

PROBE_COUNTS=
declare -A probe_pids=()

# start_watch [FILE [OPTION...]]: options are watch_frames's.
start_watch() {
	PROBE_COUNTS=${1:-$LAB/probes}
	[ $# -eq 0 ] || shift
	"$TOOLS/watch_frames" "$@" "$PROBE_COUNTS" >>"$LAB/watch.log" 2>&1 &
	wait_for 10 test -e "$PROBE_COUNTS" || die "watch_frames does not start: see $LAB/watch.log"
	[ -e /sys/class/net/watch0 ] || keep_bridge
}

# A bridge without ports does not even try.
keep_bridge() {
	ip link add watch0 type veth peer name watch1
	ip link set watch0 master "$VM_BRIDGE" up
	ip link set watch1 up
}

# probe_into NAME N PORT [OPTION...]: options are send_frame's.
probe_into() {
	local name=$1 number=$2 port=$3
	shift 3
	"$TOOLS/send_frame" -n 0 -i "$PROBE_MS" -k -c "$name" -p "$port" -t "$(vm_mac "$number")" \
		"$@" "$VM_BRIDGE" udp "$VM_NET4.1" "$(vm_ip4 "$number")" &
	probe_pids[$name]=$!
}

stop_probe() {
	kill "${probe_pids[$1]}"
	wait "${probe_pids[$1]}" || true
	unset "probe_pids[$1]"
}

# probe_from VM NAME SOURCE DESTINATION [OPTION...]
probe_from() {
	local vm=$1 name=$2 source=$3 destination=$4
	shift 4
	in_vm "$vm" "send_frame -n 0 -i $PROBE_MS -k -c $name $* eth0 udp $source $destination \
		>/dev/null 2>&1 & echo \$! >/tmp/probe-$name"
}

stop_probe_from() {
	# shellcheck disable=SC2016 # for the VM's shell
	in_vm "$1" 'kill $(cat /tmp/probe-'"$2"')'
}

# probe_count NAME tried|in|out
probe_count() {
	local count
	count=$(sed -n "s/^$1 .*\<$2=\([0-9]*\).*/\1/p" "$PROBE_COUNTS")
	echo "${count:-0}"
}

# probe_beyond NAME FIELD NUMBER: whether that many, and one more, have been counted by now.
probe_beyond() {
	[ "$(probe_count "$1" "$2")" -gt "$3" ]
}

# await_probes NAME FIELD COUNT: until so many more have been counted than now.
await_probes() {
	wait_for 60 probe_beyond "$1" "$2" $(($(probe_count "$1" "$2") + $3))
}

# guest_count VM NAME: frames that the VM itself has seen; it watches by VM_WORDS=watch.
guest_count() {
	local count
	count=$(in_vm "$1" cat /tmp/frames | sed -n "s/^$2 tried=\([0-9]*\).*/\1/p")
	echo "${count:-0}"
}

# guest_sees VM NAME: whether it has seen any.
guest_sees() {
	[ "$(guest_count "$1" "$2")" -gt 0 ]
}

# check_none_passed DESCRIPTION NAME: a probe that has been tried, and always in vain.
check_none_passed() {
	check_equal "$1" "tried, 0 in, 0 out, 0 unseen" \
		"$([ "$(probe_count "$2" tried)" -eq 0 ] || echo -n 'tried, ')$(
			probe_count "$2" in) in, $(probe_count "$2" out) out, $(probes_missed) unseen"
}

probes_missed() {
	sed -n 's/^missed=//p' "$PROBE_COUNTS"
}

# check_none_lost DESCRIPTION NAME in|out: a probe that is stopped, and whose every frame arrived.
check_none_lost() {
	check_soon 10 "$1" none_is_lost "$2" "$3"
}

none_is_lost() {
	grep "^$1 " "$PROBE_COUNTS"
	[ "$(probe_count "$1" tried)" -gt 0 ] &&
		[ "$(probe_count "$1" "$2")" -eq "$(probe_count "$1" tried)" ]
}

probe_number=0

# through DESCRIPTION N lossless|lossy COMMAND...: the command, while VM number N is sent what its
# policy allows and what it forbids. From well before until well after it no forbidden packet must
# arrive; in an event that is said to be lossless every allowed one must.
through() {
	local description=$1 number=$2 loss=$3 allowed forbidden status=0
	shift 3
	probe_number=$((probe_number + 1))
	allowed=allowed-$probe_number forbidden=forbidden-$probe_number
	probe_into "$allowed" "$number" "$PROBE_ALLOWED"
	probe_into "$forbidden" "$number" "$PROBE_FORBIDDEN"
	[ "$loss" = lossy ] || await_probes "$allowed" in 20 || true
	await_probes "$forbidden" tried 20 || true
	# In this shell, not in check's: the command may start what is stopped later.
	"$@" >"$LAB/through.out" 2>&1 || status=$?
	report "$status" "$description" "$* ended with status $status"$'\n'"$(<"$LAB/through.out")"
	check "... with what is allowed arriving afterwards" await_probes "$allowed" in 20
	await_probes "$forbidden" tried 20 || true
	stop_probe "$allowed"
	stop_probe "$forbidden"
	[ "$loss" = lossy ] || check_none_lost "... and all of it" "$allowed" in
	check_none_passed "... and nothing forbidden" "$forbidden"
}

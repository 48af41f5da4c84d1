# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# second_host.sh: one more machine inside the lab, for what takes two: another network, mount and
# UTS namespace with its own /etc, /run, bpffs and libvirt directories. Source after e2e/common.sh.
#
#   first  vmbr0 -- uplink ====== uplink -- vmbr0  second      what the VMs share
#          10.78.0.1 manage ====== manage 10.78.0.2            what the two libvirtds talk over
#
# Nothing happens there but by on_second, a shell each time: what one leaves in variables is gone
# with it, what it starts in the background stays.

# shellcheck disable=SC2034 # for those who source this file
FIRST_IP=10.78.0.1 SECOND_IP=10.78.0.2
second_pid=

# on_second COMMAND...: a command or one of the lab's functions.
on_second() {
	nsenter --target "$second_pid" --net --mount --uts \
		env LAB="$LAB/second" bash -c '. "$0/e2e/common.sh" && . "$0/harness/second_host.sh" && "$@"' \
		"$TOP/tests" "$@"
}

# start_second_host: with a bridge, connected to the first host's.
start_second_host() {
	mkdir -p "$LAB/second"
	unshare --net --mount --uts --propagation private sleep infinity &
	second_pid=$!
	wait_for 10 second_is_apart || die "no namespaces for a second host"
	ip link add uplink type veth peer name uplink netns "$second_pid"
	ip link set uplink master "$VM_BRIDGE" up
	ip link add manage type veth peer name manage netns "$second_pid"
	ip address add "$FIRST_IP/24" dev manage
	ip link set manage up
	on_second set_up_second
}

# unshare has done all its work when it has become what it runs.
second_is_apart() {
	[ "$(<"/proc/$second_pid/comm")" = sleep ]
}

# Runs there: the machine, without libvirtd and daemon.
set_up_second() {
	hostname second
	mount_lab
	ip link set lo up
	add_bridge "$VM_BRIDGE"
	ip link set uplink master "$VM_BRIDGE" up
	ip address add "$SECOND_IP/24" dev manage
	ip link set manage up
}

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lab.sh: a private machine inside this one, for tests and the demo. A script sources it and calls
# enter_lab first: from there on it runs in network, mount, PID, IPC and UTS namespaces of its own,
# with its own /dev, /run, /sys, bpffs and libvirt directories. When the script ends, however it
# ends, the kernel takes everything away with the namespaces.
#
#   LAB      directory for logs and scratch files; removed when the script succeeds
#   LAB_RUN  the same for sockets, which need short paths; gone with the namespaces
#   TOP, BUILD  the source tree and where it was built

TOP=$(realpath "${BASH_SOURCE[0]%/*}/../..")
BUILD=${BUILD:-$TOP/build}
. "$TOP/tests/harness/own_root.sh"
. "$TOP/tests/harness/patience.sh"
# shellcheck disable=SC2034 # for those who source this file
TOOLS=$BUILD/tests/tools
LAB_RUN=/run/lab

# Functions to call before the namespaces end, for what does not end with them.
LAB_CLEANUP=()

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Ends the script when a program is missing, with the package that has it.
need() {
	command -v "$1" >/dev/null ||
		die "$1 is missing: install ${2:-$1}, or run make deps"
}

# wait_for SECONDS COMMAND...: tries the command until it succeeds, for at most so many seconds or more
# (patience.sh). Its output is not shown.
wait_for() {
	local deadline
	deadline=$(deadline_in "$1")
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
}

# Must be the script's first command: what comes before it would run twice.
enter_lab() {
	if [ -z "${LAB:-}" ]; then
		start_lab "$@"
	fi
	trap leave_lab EXIT
	trap 'exit 130' INT TERM HUP
	mount_lab
	ip link set lo up
}

start_lab() {
	[ "$(id -u)" -eq 0 ] || die "network namespaces and BPF need root"
	need unshare util-linux
	need ip iproute2
	mkdir -p "$BUILD/lab"
	LAB=$(mktemp -d "$BUILD/lab/$(basename "$0" .sh).XXXXXX")
	export LAB BUILD
	exec_in_own_root unshare --net --mount --pid --ipc --uts --propagation private \
		--fork --kill-child --mount-proc bash "$0" "$@"
}

# The last words of every script in the lab. The namespaces end with this shell.
leave_lab() {
	local status=$? cleanup
	for cleanup in "${LAB_CLEANUP[@]}"; do
		"$cleanup" || true
	done
	if [ $status -eq 0 ] && [ -z "${KEEP_LOGS:-}" ]; then
		# What the script has left running may still write there.
		wait_for 10 rm -rf "$LAB"
	else
		printf '# logs: %s\n' "$LAB" >&2
	fi
	exit $status
}

# Everything that libvirt, QEMU and vmseg read or write outside of their own files.
mount_lab() {
	mount_lab_dev
	# Of the machine's own /sys not even the cgroups remain: libvirt then does without.
	umount --recursive --lazy /sys
	mount -t sysfs sysfs /sys
	mount -t bpf bpf /sys/fs/bpf
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p "$LAB_RUN"
	mount_lab_etc
	local directory
	for directory in /var/{lib,log,cache}/libvirt; do
		[ -d "$directory" ] || die "$directory is missing: install libvirt-daemon-system"
		mount -t tmpfs -o mode=755 tmpfs "$directory"
	done
	mount_lab_state
	# On a terminal virsh has it ask polkit, which is not here; root needs no leave.
	if [ -e /usr/bin/pkttyagent ]; then
		mount --bind /dev/null /usr/bin/pkttyagent
	fi
}

# /var/lib/vmseg, which the machine need not have: the rest of /var/lib stays as it is.
mount_lab_state() {
	local staging=$LAB/var-lib name
	mkdir "$staging"
	mount -t tmpfs -o mode=755 tmpfs "$staging"
	for name in /var/lib/*; do
		[ -d "$name" ] || continue
		mkdir "$staging/${name##*/}"
		[ "$name" = /var/lib/vmseg ] || mount --rbind "$name" "$staging/${name##*/}"
	done
	mount --move "$staging" /var/lib
	rmdir "$staging"
}

# A copy, without what the machine's administrator told libvirt and vmseg.
mount_lab_etc() {
	local staging=$LAB/etc
	mkdir "$staging"
	mount -t tmpfs -o mode=755 tmpfs "$staging"
	cp --archive /etc/. "$staging"
	rm -rf "$staging"/{libvirt,vmseg}
	mkdir "$staging/libvirt"
	mount --move "$staging" /etc
	rmdir "$staging"
}

# No /dev/kvm: where it exists but cannot be used, libvirt asks QEMU again and again what it can
# do. The VMs are emulated, so the lab works the same on every machine.
mount_lab_dev() {
	local staging=$LAB/dev node
	mkdir "$staging"
	mount -t tmpfs -o mode=755 tmpfs "$staging"
	for node in null zero full random urandom tty fuse; do
		[ -e "/dev/$node" ] || continue
		: >"$staging/$node"
		mount --bind "/dev/$node" "$staging/$node"
	done
	mkdir "$staging"/{net,pts,shm}
	: >"$staging/net/tun"
	mount --bind /dev/net/tun "$staging/net/tun"
	mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$staging/pts"
	mount -t tmpfs tmpfs "$staging/shm"
	ln -s pts/ptmx "$staging/ptmx"
	ln -s /proc/self/fd "$staging/fd"
	mount --move "$staging" /dev
	rmdir "$staging"
}

# add_bridge NAME ADDRESS...: a bridge that forwards at once.
add_bridge() {
	local bridge=$1 address
	shift
	ip link add "$bridge" type bridge forward_delay 0
	# Addresses are usable at once, without waiting for duplicate address detection.
	echo 0 >"/proc/sys/net/ipv6/conf/$bridge/accept_dad"
	for address in "$@"; do
		ip address add "$address" dev "$bridge"
	done
	ip link set "$bridge" up
}

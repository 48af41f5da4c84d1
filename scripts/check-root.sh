#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check-root.sh RELEASE: builds and tests vmseg in a minimal Debian of that release (bookworm, trixie).
# It clones the last commit (uncommitted changes are not tested), runs `make deps`, then the targets in
# CHECK (default: check). The kernel is this machine's.
#
# Packages come from DEBIAN_MIRROR; by default from the mirror that apt uses on this machine. Everything
# runs in separate mount and PID namespaces and is removed at the end, also after a failure. KEEP=1 keeps
# the root directory and prints its path.

set -euo pipefail

here=$(dirname "$(realpath "$0")")
TOP=$(realpath "$here/..")
. "$TOP/tests/harness/mirror.sh"

die() {
	printf 'check-root: %s\n' "$*" >&2
	exit 1
}

release=${1:-}
[ -n "$release" ] || die "usage: check-root.sh RELEASE (bookworm, trixie)"
CHECK=${CHECK:-check}

# Runs in the machine's own namespaces: creates the root directory, runs this script again in new
# namespaces, and removes the directory afterwards.
start() {
	local mirror status=0
	[ "$(id -u)" -eq 0 ] || die "this script must run as root"
	command -v debootstrap >/dev/null || die "debootstrap is missing: install debootstrap"
	mirror=$(find_mirror)
	[ -n "$mirror" ] || die "apt has no Debian mirror configured: name one in DEBIAN_MIRROR"
	root=$(mktemp -d "${TMPDIR:-/var/tmp}/vmseg-$release.XXXXXX")
	trap 'remove_root' EXIT
	trap 'exit 130' INT TERM HUP
	env ROOT="$root" CHECK="$CHECK" \
		unshare --mount --pid --ipc --uts --propagation private --fork --kill-child \
		--mount-proc bash "$0" "$release" "$mirror" || status=$?
	exit "$status"
}

# The mounts were in the namespace, which has ended.
remove_root() {
	if [ -n "${KEEP:-}" ]; then
		echo "check-root: kept $root"
	else
		rm -rf --one-file-system "$root"
	fi
}

step() {
	printf '\ncheck-root %s: %s\n' "$release" "$*"
}

in_root() {
	chroot "$ROOT" env -i HOME=/root LANG=C.UTF-8 CI="${CI:-}" \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# Mounts the file systems of the machine that a container has. The root directory itself is deliberately
# no mount point: tests and demo must also work in such a root.
mount_system() {
	mount --rbind /dev "$ROOT/dev"
	mount -t proc proc "$ROOT/proc"
	mount --rbind /sys "$ROOT/sys"
	mount -t bpf bpf "$ROOT/sys/fs/bpf"
	mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
}

# run_inside MIRROR
run_inside() {
	step "a minimal root from $1"
	debootstrap --variant=minbase --include=make,ca-certificates "$release" "$ROOT" "$1"
	mount_system
	git -c safe.directory="$TOP" clone -q --no-local "$TOP" "$ROOT/root/vmseg"
	# At this point the root has no compiler and no libraries.
	step "make help"
	in_root make -C /root/vmseg --no-print-directory help >"$ROOT/help" 2>&1
	! grep -nv '^  [a-z-]* ' "$ROOT/help" || die "make help prints lines that describe no target"
	step "make deps"
	in_root make -C /root/vmseg --no-print-directory deps
	step "make $CHECK"
	# shellcheck disable=SC2086 # several targets
	in_root make -C /root/vmseg --no-print-directory $CHECK
}

if [ -z "${ROOT:-}" ]; then
	start
fi
run_inside "$2"

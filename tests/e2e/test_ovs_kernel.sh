#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Open vSwitch's kernel datapath, which this machine's kernel may not have: on the kernel of Debian's
# bookworm, in a machine of its own. ovs_kernel_guest.sh says what is tried there.

set -euo pipefail

here=$(dirname "$(realpath "$0")")
top=$here/../..
# shellcheck source=tests/harness/tap.sh
. "$top/tests/harness/tap.sh"
build=${BUILD:-$top/build}
kernel=$top/build/cache/kernel-bookworm
work=$build/tests/ovs
log=$work/openvswitch.log

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Where programs of the system's are, which may not be on a user's path.
find_program() {
	PATH=$PATH:/usr/sbin:/sbin command -v "$1" || die "$1 is missing: run make deps"
}

build_initrd() {
	local tools=("$build"/{vmseg,vmseg-hostd} "$build"/tests/tools/{ask,echo_server,send_frame})
	local name
	for name in ovsdb-server ovsdb-tool ovs-vsctl ovs-vswitchd; do
		tools+=("$(find_program "$name")")
	done
	install -m 755 "$here/ovs_kernel_guest.sh" "$work/openvswitch"
	INITRD_MODULES=openvswitch INITRD_TOOLS="${tools[*]}" \
		INITRD_FILES=/usr/share/openvswitch/vswitch.ovsschema \
		"$top/tests/kernels/build-initrd.sh" "$work/openvswitch.initrd" "$kernel" "$work/openvswitch"
}

boot() {
	case $(uname -m) in
	x86_64) set -- qemu-system-x86_64 -machine "q35,accel=tcg" -cpu "max,-cx16" ;;
	aarch64) set -- qemu-system-aarch64 -machine "virt,accel=tcg" -cpu max ;;
	*) die "no machine known for $(uname -m)" ;;
	esac
	timeout 500 "$@" -m 1024 -nographic -no-reboot -nic none -kernel "$kernel/vmlinuz" \
		-initrd "$work/openvswitch.initrd" \
		-append "console=ttyS0 console=ttyAMA0 quiet panic=-1" </dev/null | tr -d '\r' >"$log"
}

# What the machine has found, as results of this test.
take_over_results() {
	local line
	while read -r line; do
		case $line in
		'ok '*) report 0 "${line#*- }" ;;
		'not ok '*) report 1 "${line#*- }" "see $log" ;;
		esac
	done < <(grep -E '^(not )?ok ' "$log" || true)
	check_equal "the machine has run all of it" 0 "$(sed -n 's/^@@ end openvswitch //p' "$log")"
}

mkdir -p "$work"
"$top/tests/harness/fetch-kernel.sh" bookworm "$kernel"
build_initrd
boot || echo "# the machine ended with status $?"
take_over_results
rm -f "$work/openvswitch.initrd" "$work/openvswitch"
done_testing

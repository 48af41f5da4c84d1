#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run-kernel.sh RELEASE: boots the kernel of a Debian release and runs every test of the BPF
# programs on it, the story of a port on a real device, the tests of what a guest's end is, and the
# verifier report. One result per program.
#
# run-kernel.sh --report RELEASE: prints the verifier report alone.
#
# BUILD is the build directory. Kernels are kept in build/cache, consoles in BUILD/tests/kernels.

set -euo pipefail

here=$(dirname "$(realpath "$0")")
top=$here/../..
# shellcheck source=tests/harness/tap.sh
. "$top/tests/harness/tap.sh"

report_only=
if [ "${1:-}" = --report ]; then
	report_only=yes
	shift
fi
[ $# -eq 1 ] || {
	echo "usage: run-kernel.sh [--report] RELEASE" >&2
	exit 2
}
release=$1
build=${BUILD:-$top/build}
kernel=$top/build/cache/kernel-$release
work=$build/tests/kernels
log=$work/$release.log

programs=("$build"/tests/bpf/verifier_report)
if [ -z "$report_only" ]; then
	for program in "$build"/tests/bpf/test_*; do
		[[ ${program##*/} == *.* ]] || programs+=("$program")
	done
	programs+=("$build"/tests/netns/test_story "$build"/tests/netns/test_guest_end)
fi

# Runs the machine; its console is the log.
boot() {
	local qemu=()
	case $(uname -m) in
	# Without cx16: QEMU 7.2's emulation of cmpxchg16b leaves rubbish in the flags now and then,
	# and a kernel whose allocator uses it (6.12) crashes about once in six boots.
	x86_64) qemu=(qemu-system-x86_64 -machine "q35,accel=tcg" -cpu "max,-cx16") ;;
	aarch64) qemu=(qemu-system-aarch64 -machine "virt,accel=tcg" -cpu max) ;;
	*) echo "no machine known for $(uname -m)"; return 1 ;;
	esac
	timeout 500 "${qemu[@]}" -m 1024 -nographic -no-reboot -nic none \
		-kernel "$kernel/vmlinuz" -initrd "${log%.log}.initrd" \
		-append "console=ttyS0 console=ttyAMA0 quiet panic=-1" </dev/null |
		tr -d '\r' >"$log"
}

# section NAME: what the program printed.
section() {
	awk -v begin="@@ begin $1" -v end="@@ end $1 " '
		$0 == begin { inside = 1; next }
		index($0, end) { exit }
		inside' "$log"
}

# exit_status NAME: the program's; "none" when it did not end.
exit_status() {
	local found
	found=$(sed -n "s/.*@@ end $1 //p" "$log")
	printf '%s\n' "${found:-none}"
}

check_report() {
	local output
	output=$(section verifier_report)
	check_equal "$version: the verifier accepts every program" 0 "$(exit_status verifier_report)"
	printf '# %s\n' "${output//$'\n'/$'\n'# }"
}

check_test() {
	local output passed verdict
	output=$(section "$1")
	verdict=$(exit_status "$1")
	passed=$(grep -c '^ok ' <<<"$output" || true)
	if [ "$verdict" = 0 ] && { [ "$passed" -eq 0 ] || grep -q '^not ok ' <<<"$output"; }; then
		verdict="0, but not every test passed"
	fi
	report "$([ "$verdict" = 0 ]; echo $?)" "$version: $1, $passed passed" \
		"exit status: $verdict"$'\n'"$(grep -v '^ok ' <<<"$output")"
}

check_reasons() {
	local seen reason missing=
	seen=$(section reasons)
	while read -r reason; do
		grep -qx "$reason" <<<"$seen" || missing+=" $reason"
	done < <("$top/tests/bpf/list-reasons.sh")
	check_equal "$version: every reason was met" "" "$missing"
}

print_report() {
	"$top/tests/harness/fetch-kernel.sh" "$release" "$kernel" >&2
	"$here/build-initrd.sh" "$work/report.initrd" "$kernel" "${programs[@]}"
	boot
	rm -f "$work/report.initrd"
	section verifier_report
	[ "$(exit_status verifier_report)" = 0 ]
}

mkdir -p "$work"
if [ -n "$report_only" ]; then
	log=$work/report.log
	print_report
	exit
fi
check "the kernel of $release is there" "$top/tests/harness/fetch-kernel.sh" "$release" "$kernel"
"$here/build-initrd.sh" "$work/$release.initrd" "$kernel" "${programs[@]}"
: >"$log"
boot || echo "# the machine ended with status $?"
version=$(sed -n 's/^@@ kernel //p' "$log")
check_equal "$release: $(<"$kernel/version") boots" "$(<"$kernel/version")" "$version"
if [ -n "$version" ]; then
	check_report
	for program in "${programs[@]:1}"; do
		check_test "${program##*/}"
	done
	check_reasons
else
	tail -n 20 "$log" | sed 's/^/# /'
fi
rm -f "$work/$release.initrd"
done_testing

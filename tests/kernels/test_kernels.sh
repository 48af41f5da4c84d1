#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Boots Debian's kernels of several releases and runs every test of the BPF programs on each, and
# the verifier report. One result per kernel and program.
#
# KERNELS names the releases, BUILD the build directory. Kernels are kept in build/cache; consoles
# in BUILD/tests/kernels.

set -euo pipefail

here=$(dirname "$(realpath "$0")")
top=$here/../..
# shellcheck source=tests/harness/tap.sh
. "$top/tests/harness/tap.sh"

build=${BUILD:-$top/build}
cache=$top/build/cache
work=$build/tests/kernels
read -ra releases <<<"${KERNELS:-bullseye bookworm trixie}"
programs=("$build"/tests/bpf/verifier_report)
for program in "$build"/tests/bpf/test_*; do
	[[ $program == *.* ]] || programs+=("$program")
done

# boot RELEASE: runs the machine; its console is the log.
boot() {
	local accelerator=tcg
	case $(uname -m) in
	x86_64) qemu=(qemu-system-x86_64 -machine "q35,accel=$accelerator") ;;
	aarch64) qemu=(qemu-system-aarch64 -machine "virt,accel=$accelerator") ;;
	*) echo "no machine known for $(uname -m)"; return 1 ;;
	esac
	timeout 900 "${qemu[@]}" -cpu max -m 1024 -nographic -no-reboot -nic none \
		-kernel "$cache/kernel-$1/vmlinuz" -initrd "$work/initrd" \
		-append "console=ttyS0 console=ttyAMA0 quiet panic=-1" </dev/null |
		tr -d '\r' >"$work/$1.log"
}

# section LOG NAME: what the program printed.
section() {
	awk -v begin="@@ begin $2" -v end="@@ end $2 " '
		$0 == begin { inside = 1; next }
		index($0, end) { exit }
		inside' "$1"
}

# status LOG NAME: the program's exit status; empty when it did not end.
status() {
	sed -n "s/.*@@ end $2 //p" "$1"
}

check_program() {
	local release=$1 version=$2 name=$3 log=$work/$1.log output ended passed
	output=$(section "$log" "$name")
	ended=$(status "$log" "$name")
	if [[ $name == test_* ]]; then
		passed=$(grep -c '^ok ' <<<"$output" || true)
		if [ "$passed" -eq 0 ] || grep -q '^not ok ' <<<"$output"; then
			ended=${ended:-none}
			[ "$ended" != 0 ] || ended=failed
		fi
		report "$([ "$ended" = 0 ]; echo $?)" "$version $name: $passed passed" \
			"exit status: $ended"$'\n'"$(grep -v '^ok ' <<<"$output")"
	else
		report "$([ "$ended" = 0 ]; echo $?)" "$version $name" "exit status: $ended"
		printf '# %s\n' "${output//$'\n'/$'\n'# }"
	fi
}

check_reasons() {
	local seen reason missing=
	seen=$(section "$work/$1.log" reasons)
	while read -r reason; do
		grep -qx "$reason" <<<"$seen" || missing+=" $reason"
	done < <("$top/tests/bpf/list-reasons.sh")
	check_equal "$2: every reason was met" "" "$missing"
}

check_kernel() {
	local release=$1 version program
	boot "$release" || true
	version=$(sed -n 's/^@@ kernel //p' "$work/$release.log")
	check_equal "$release: $(<"$cache/kernel-$release/version") boots" \
		"$(<"$cache/kernel-$release/version")" "$version"
	if [ -z "$version" ]; then
		tail -n 20 "$work/$release.log" | sed 's/^/# /'
		return
	fi
	for program in "${programs[@]}"; do
		check_program "$release" "$version" "${program##*/}"
	done
	check_reasons "$release" "$version"
}

mkdir -p "$work" "$cache"
kernels=()
for release in "${releases[@]}"; do
	check "$release: fetch the kernel" \
		"$top/tests/harness/fetch-kernel.sh" "$release" "$cache/kernel-$release"
	kernels+=("$cache/kernel-$release")
done
"$here/build-initrd.sh" "$work/initrd" "${kernels[@]}" -- "${programs[@]}"
for release in "${releases[@]}"; do
	check_kernel "$release"
done
done_testing

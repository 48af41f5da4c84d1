#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build-initrd.sh OUT KERNEL PROGRAM...: an initrd that runs the programs and switches the machine
# off. It holds busybox, the programs, the libraries that they are linked with, the shipped policies
# and the few modules that the tests need, from the folder that fetch-kernel.sh has filled.
#
# INITRD_MODULES are more modules, INITRD_TOOLS more programs, for tests that run them by name, and
# INITRD_FILES what these read: in /files.

set -euo pipefail

[ $# -ge 3 ] || {
	echo "usage: build-initrd.sh OUT KERNEL PROGRAM..." >&2
	exit 2
}
here=$(dirname "$(realpath "$0")")
top=$here/../..
out=$1
kernel=$2
shift 2

# A device with a chosen interface index; a guest's tap on a bridge, and clsact; other kinds of
# devices.
modules=(tun veth bridge sch_ingress cls_bpf macvtap ipvtap 8021q bonding vxlan)
read -r -a more_modules <<<"${INITRD_MODULES:-}"
read -r -a files <<<"${INITRD_FILES:-}"
read -r -a tools <<<"${INITRD_TOOLS:-}"
modules+=("${more_modules[@]}")

# What the tests run by name. Busybox has an ip too, which can less, and its shell prefers that.
ip=$(PATH=$PATH:/usr/sbin:/sbin command -v ip)
shell=$(command -v dash)

root=$(mktemp -d "$(realpath "$(dirname "$out")")/.root.XXXXXX")
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,sbin,dev,modules,proc,sys,tests,tmp,policies}

install -m 755 "$here/init" "$root/init"
install -m 755 "$(command -v busybox)" "$root/bin/busybox"
install -m 755 "$shell" "$root/bin/sh"
install -m 755 "$ip" "$root/sbin/ip"
install -m 755 "$@" "$root/tests"
[ ${#files[@]} -eq 0 ] || install -D -m 644 -t "$root/files" "${files[@]}"
[ ${#tools[@]} -eq 0 ] || install -m 755 "${tools[@]}" "$root/sbin"

# Of these the libraries are needed. A script has none.
binaries=("$ip" "$shell")
for program in "$@" "${tools[@]}"; do
	[ "$(head -c 2 "$program")" = '#!' ] || binaries+=("$program")
done
cp "$top"/policies/*.xml "$top/build/vmseg.rng" "$root/policies"
# Where tests look for it: they run in the directory that has `build`.
install -D -m 644 -t "$root/build" "$top/build/vmseg.rng"
# The seed of random tests, where the run has one.
echo "${VMSEG_TEST_SEED:-}" >"$root/seed"
mkdir "$root/corpus"
cp "$top"/tests/bpf/corpus/*.seq "$root/corpus"

# "libc.so.6 => /lib/... (0x...)" and "/lib64/ld-linux... (0x...)".
# A static one is none that ldd knows.
{ ldd "${binaries[@]}" 2>/dev/null || true; } | sed -n 's/^\t\(.* => \)\{0,1\}\(\/[^ ]*\) (.*/\2/p' | sort -u |
	while read -r library; do
		install -D "$(realpath "$library")" "$root$library"
	done

# Unpacked: busybox's insmod knows no compression.
unpack_module() {
	case $1 in
	*.ko.xz) xz -dc "$1" ;;
	*.ko.zst) zstd -dcq "$1" ;;
	*) cat "$1" ;;
	esac
}

number=0
for module in "${modules[@]}"; do
	modprobe -d "$kernel" -S "$(<"$kernel/version")" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
	number=$((number + 1))
	# By name they are in their order.
	unpack_module "$path" >"$root/modules/$(printf '%03d' "$number").ko"
done

(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$out.new"
mv "$out.new" "$out"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# build-image.sh TOOLS CACHE DIR: makes DIR/vmlinuz and DIR/initrd for the test VMs: a Debian cloud
# kernel, busybox, the tools, and an init that leaves the rest to whoever drives the VM.
#
# TOOLS holds the static tools, CACHE keeps the kernel. GUEST_RELEASE names another Debian release.

set -euo pipefail

[ $# -eq 3 ] || {
	echo "usage: build-image.sh TOOLS CACHE DIR" >&2
	exit 2
}
tools=$1
here=$(dirname "$(realpath "$0")")
release=${GUEST_RELEASE:-bookworm}
kernel=$2/kernel-$release
target=$3

# What a VM needs beyond what is built into the kernel: its NIC and the agent's serial port.
modules=(virtio_pci virtio_net virtio_console)

"$here/../fetch-kernel.sh" "$release" "$kernel"
version=$(<"$kernel/version")

mkdir -p "$target"
root=$(mktemp -d "$(realpath "$target")/.root.XXXXXX")
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,dev,modules,proc,sys}

install -m 755 "$here/init" "$root/init"
install -m 755 "$(command -v busybox)" "$root/bin/busybox"
ln -s busybox "$root/bin/sh"
install -m 755 "$tools"/{guest_agent,echo_server,ask,hold,send_frame,send_pcap,watch_frames} "$root/bin"

# A module's file, unpacked: busybox's insmod knows no compression.
add_module() {
	case $1 in
	*.ko.xz) xz -dc "$1" >"$root/modules/$2" ;;
	*.ko.zst) zstd -dcq "$1" >"$root/modules/$2" ;;
	*) cp "$1" "$root/modules/$2" ;;
	esac
}

# Each module after those that it depends on. What is built in has no line.
for module in "${modules[@]}"; do
	modprobe -d "$kernel" -S "$version" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' >"$root/modules/paths"
while read -r path; do
	name=${path##*/}
	name=${name%%.*}.ko
	add_module "$path" "$name"
	printf '%s\n' "$name" >>"$root/modules/order"
done <"$root/modules/paths"
rm "$root/modules/paths"

(cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) | gzip -1 >"$target/initrd.new"
cp "$kernel/vmlinuz" "$target/vmlinuz"
mv "$target/initrd.new" "$target/initrd"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh: installs what building and testing vmseg needs, and only what is missing. Debian 12 and
# later, Ubuntu 22.04 and later; elsewhere it names what is needed and stops.
#
# --list prints the packages and changes nothing.

set -euo pipefail

# Programs and libraries to build with.
build=(
	clang
	gcc
	libbpf-dev
	libelf-dev
	libinih-dev
	libjansson-dev
	libmicrohttpd-dev
	libmnl-dev
	libsmartcols-dev
	libsystemd-dev
	libvirt-dev
	libxml2-dev
	llvm
	make
	pkg-config
	uthash-dev
	zlib1g-dev
)

# What the tests, the demo and the checks of the source run: a libvirt and a QEMU of their own.
check=(
	busybox-static
	ca-certificates
	clang-format
	clang-tidy
	curl
	debian-archive-keyring
	debootstrap
	dnsmasq-base
	git
	gnuplot-nox
	iperf3
	iproute2
	iptables
	iputils-ping
	iputils-tracepath
	jing
	jq
	kmod
	libcap2-bin
	libcmocka-dev
	libvirt-clients
	libvirt-daemon-driver-lxc
	libvirt-daemon-system
	mandoc
	nftables
	openvswitch-switch
	procps
	python3-scapy
	shellcheck
	strace
	systemd
	tcpdump
	traceroute
	trang
	util-linux
	xz-utils
	zstd
)

# Ubuntu ships bpftool inside its kernel tools.
if grep -qx 'ID=ubuntu' /etc/os-release 2>/dev/null; then
	build+=(linux-tools-common linux-tools-generic)
else
	build+=(bpftool)
fi

# Sanitizers' and fuzzer's runtime; in Ubuntu 22.04 it comes with the compiler.
grep -qx 'VERSION_CODENAME=jammy' /etc/os-release 2>/dev/null || check+=(libclang-rt-dev)

case $(uname -m) in
aarch64) check+=(qemu-system-arm) ;;
*) check+=(qemu-system-x86) ;;
esac

packages=("${build[@]}" "${check[@]}")

if [ "${1:-}" = --list ]; then
	printf '%s\n' "${packages[@]}"
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	cat >&2 <<EOF
This system has no apt-get. vmseg needs these (names as in Debian), with libbpf 1.0 or later:
$(printf '  %s\n' "${packages[@]}")
EOF
	exit 1
fi

is_installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for package in "${packages[@]}"; do
	is_installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
	echo "deps: everything is installed"
	exit 0
fi

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
printf 'deps: installing %s\n' "${missing[*]}"

# The tests run their own libvirtd, in a namespace: the machine's own must not be started for them.
# policy-rc.d is Debian's way to say so; an existing one is the administrator's and stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '"${sudo[@]}" rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
	"${sudo[@]}" chmod 755 "$policy"
fi

apt_install=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y
	--no-install-recommends -o Dpkg::Options::=--force-confold)

# Package lists that are missing, or too old to download from, are fetched; good ones are used.
"${apt_install[@]}" --download-only "${missing[@]}" </dev/null >/dev/null 2>&1 ||
	"${sudo[@]}" apt-get update -q
"${apt_install[@]}" "${missing[@]}" </dev/null

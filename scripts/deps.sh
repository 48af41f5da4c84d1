#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh: installs the missing packages that are needed to build and test vmseg, on Debian 12 and later
# and on Ubuntu 22.04 and later. On other systems it prints the names of the packages and exits.
#
# --list prints the packages and changes nothing.

set -euo pipefail

# Needed to build.
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

# Needed for the tests, the demo and the linters. Tests start their own libvirtd and QEMU.
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
	zsh
	zstd
)

# Ubuntu ships bpftool inside its kernel tools.
if grep -qx 'ID=ubuntu' /etc/os-release 2>/dev/null; then
	build+=(linux-tools-common linux-tools-generic)
else
	build+=(bpftool)
fi

# The runtime of sanitizers and fuzzer; in Ubuntu 22.04 it is part of the compiler's package.
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
	echo "deps: all packages are installed"
	exit 0
fi

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
printf 'deps: installing %s\n' "${missing[*]}"

# Tests run their own libvirtd in a namespace, so the installation must not start the machine's libvirtd.
# Debian's policy-rc.d prevents that. An existing policy-rc.d belongs to the administrator and stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '"${sudo[@]}" rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
	"${sudo[@]}" chmod 755 "$policy"
fi

apt_install=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y
	--no-install-recommends -o Dpkg::Options::=--force-confold)

# Updates the package lists only if they are missing or too old.
"${apt_install[@]}" --download-only "${missing[@]}" </dev/null >/dev/null 2>&1 ||
	"${sudo[@]}" apt-get update -q
"${apt_install[@]}" "${missing[@]}" </dev/null

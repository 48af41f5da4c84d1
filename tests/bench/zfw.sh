# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# zfw.sh: a peer for devices.sh that is not in Debian: zfw, a stateful firewall of TC programs
# (https://github.com/netfoundry/zfw, v0.9.21). ZFW names a directory with these three, built by
#
#   cd zfw/src
#   bpf="clang -DBPF_MAX_ENTRIES=100000 -D__$(uname -m)__ -I/usr/include/$(gcc -print-multiarch) \
#        -g -target bpf"
#   clang -DBPF_MAX_ENTRIES=100000 -O1 -o $ZFW/zfw zfw.c -lbpf
#   $bpf -O2 -c -o $ZFW/zfw_tc_ingress.o zfw_tc_ingress.c
#   $bpf -Os -mcpu=v3 -c -o $ZFW/zfw_tc_outbound_track.o zfw_tc_outbound_track.c
#
# with libbpf-dev and libbpfcc-dev. The options are those of its Makefile but for the second -D and
# -I, which stand for libc6-dev-i386, and the last line's -Os: by -O2 of clang 14 one of its programs
# has more branches than the verifier of Linux 6.18 follows.
#
# What it filters here: IPv4 that a guest sends, by both addresses (which is also a guard), protocol
# and ports, bridged or routed; pings pass. What is sent to a guest is tracked, so that the answer
# may leave it, but not filtered on the guest's own tap: zfw has rules for that (--outbound-filter),
# which would be walked a second time. It knows nothing of MAC addresses, and lets all ARP pass. It
# drops IPv6 but for router advertisements and DHCP: it can filter it, and is not told to.
#
# Only answers pass by their state. Whatever else a guest sends is looked for in the rules, by every
# prefix length, packet for packet: that is what the taps' figures are of. An answer costs a fraction.

zfw_check() {
	local file
	for file in zfw zfw_tc_ingress.o zfw_tc_outbound_track.o; do
		[ -r "$ZFW/$file" ] || die "ZFW=$ZFW: no $file: tests/bench/zfw.sh says how to build it"
	done
}

run_zfw() {
	"$ZFW/zfw" "$@" >>"$LAB/zfw.log" 2>&1 || die "zfw $*: see $LAB/zfw.log"
}

# zfw_attach DEVICE DIRECTION OBJECT: when the kernel refuses a program, zfw takes away all that it
# has on the device, and succeeds.
zfw_attach() {
	run_zfw -X "$1" -O "$ZFW/$3" -z "$2"
	[ "$(tc filter show dev "$1" "$2" | grep -c 'direct-action')" -eq 7 ] ||
		die "zfw does not attach to $1, $2"
}

# zfw_allow FROM TO: the policy's ports, from one guest to the other.
zfw_allow() {
	local protocol
	for protocol in tcp udp; do
		run_zfw -I -c "${IP[$2]}" -m 32 -o "${IP[$1]}" -n 32 -l 5000 -h 8000 -t 0 -p $protocol
	done
}

zfw_up() {
	local guest other device
	for guest in "${FILTERED[@]}"; do
		device=${PORT[$guest]}
		zfw_attach "$device" ingress zfw_tc_ingress.o
		zfw_attach "$device" egress zfw_tc_outbound_track.o
		# SSH, which passes unless it is told otherwise, and pings, which do not.
		run_zfw -x "$device"
		run_zfw -e "$device"
		for other in "${!IP[@]}"; do
			[ "$other" = "$guest" ] || zfw_allow "$guest" "$other"
		done
	done
}

zfw_down() { run_zfw -Q; }

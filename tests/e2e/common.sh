# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# common.sh: what the end-to-end tests start from: the lab with libvirt, vmseg and a bridge.

# shellcheck disable=SC2034 # for those who source this file
WEB=10 CLIENT=20 INTRUDER=30

e2e_here=$(dirname "${BASH_SOURCE[0]}")
. "$e2e_here/../harness/lab.sh"
. "$e2e_here/../harness/libvirt.sh"
. "$e2e_here/../harness/hostd.sh"
. "$e2e_here/../harness/vm.sh"
. "$e2e_here/../harness/tap.sh"

# set_up [SETTING...]: everything but VMs; the settings go into hostd.conf.
set_up() {
	need jq
	need bpftool
	add_bridge "$VM_BRIDGE" "$VM_NET4.1/24" "${VM_NET6}1/64"
	install_policies
	install_hook "$BUILD/vmseg-hook"
	start_hostd "log-level = debug" "$@"
	start_libvirtd
}

# The three VMs that traffic is tried between: a server, one that may use it, one that cheats.
start_three() {
	create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
	create_vm client $CLIENT "$(metadata $CLIENT '<policy ref="desktop"/>')"
	create_vm intruder $INTRUDER \
		"$(metadata $INTRUDER '<policy ref="desktop"/><limits sessions="5"/>')"
	in_vm web 'mkdir /www; echo hello from web >/www/index.html; httpd -p 80 -h /www
		echo_server 22 7000 >/dev/null 2>&1 &'
	in_vm client 'echo_server 7000 >/dev/null 2>&1 &'
	in_vm intruder true
}

# create_paused NAME N [METADATA]: for tests of the lifecycle, which need no guest.
create_paused() {
	domain_xml "$@" >"$LAB/$1.xml"
	virsh --quiet create --paused "$LAB/$1.xml"
}

# check_counted DESCRIPTION N NAME DIRECTION REASON: exactly N packets are counted so.
check_counted() {
	local description=$1 expected=$2
	shift 2
	check_equal "$description" "$expected" "$(counter "$@")"
}

# Everything that vmseg keeps in the kernel by name.
list_pins() {
	[ ! -d /sys/fs/bpf/vmseg ] || find /sys/fs/bpf/vmseg ! -type d | sort
}

# list_ids: "map 12", "prog 7", "link 3" for everything that is pinned.
list_ids() {
	local pin kind id
	for pin in $(list_pins); do
		for kind in map prog link; do
			id=$(bpftool -j "$kind" show pinned "$pin" 2>/dev/null | jq -r '.id // empty' 2>/dev/null) ||
				continue
			[ -z "$id" ] || printf '%s %s\n' "$kind" "$id"
		done
	done
}

# ids_are_gone LIST: none of "map 12" and so on exists any more.
ids_are_gone() {
	local kind id
	while read -r kind id; do
		[ -n "$id" ] || continue
		! bpftool "$kind" show id "$id" || return 1
	done <<<"$1"
}

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# hostd.sh: vmseg in the lab (lab.sh), with /etc/vmseg and /run/vmseg where users have them.

# Nothing is installed: the schema is the source tree's.
export VMSEG_SCHEMA=$TOP/build/vmseg.rng

hostd_pid=

vmseg() {
	"$BUILD/vmseg" "$@"
}

# start_hostd [SETTING...]: with lines for hostd.conf; without any, as it was configured last.
start_hostd() {
	mkdir -p /etc/vmseg
	[ $# -eq 0 ] || printf '%s\n' "$@" >/etc/vmseg/hostd.conf
	[ -e /etc/vmseg/hostd.conf ] || : >/etc/vmseg/hostd.conf
	"$BUILD/vmseg-hostd" >>"$LAB/hostd.log" 2>&1 &
	hostd_pid=$!
	wait_for 20 vmseg status || die "vmseg-hostd does not answer: see $LAB/hostd.log"
}

# stop_hostd [SIGNAL]: returns when the process is gone.
stop_hostd() {
	kill "-${1:-TERM}" "$hostd_pid"
	wait "$hostd_pid" || true
	hostd_pid=
}

# Whether the daemon hears of libvirt what happens there.
libvirt_connected() {
	vmseg status --json | jq -e '.libvirt[0].connected'
}

# The policies that the lab's VMs refer to.
install_policies() {
	mkdir -p /etc/vmseg/policies
	cp "$TOP"/tests/harness/policies/*.xml /etc/vmseg/policies
}

# write_policy NAME: a policy or address set from standard input into the policy directory.
write_policy() {
	cat >"/etc/vmseg/policies/$1.xml"
}

# show_port NAME FILTER: a jq filter on the first port of a domain as vmseg shows it.
show_port() {
	vmseg show "$1" --json | jq -r ".ports[0] | $2"
}

# counter NAME DIRECTION REASON: packets that a domain's port has counted so.
counter() {
	show_port "$1" "[(.counters // [])[] | select(.direction == \"$2\" and .reason == \"$3\").packets] | add // 0"
}

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# openvswitch.sh: Open vSwitch in the lab (lab.sh), where libvirt looks for it.

ovs_pid=

start_openvswitch() {
	need ovs-vswitchd openvswitch-switch
	mkdir -p /run/openvswitch
	ovsdb-tool create "$LAB_RUN/ovs.db" /usr/share/openvswitch/vswitch.ovsschema
	ovsdb-server --remote=punix:/run/openvswitch/db.sock "$LAB_RUN/ovs.db" \
		>"$LAB/ovsdb.log" 2>&1 &
	wait_for 20 test -S /run/openvswitch/db.sock || die "ovsdb-server does not start: see $LAB/ovsdb.log"
	ovs-vsctl --no-wait init
	start_vswitchd
}

start_vswitchd() {
	ovs-vswitchd unix:/run/openvswitch/db.sock >>"$LAB/vswitchd.log" 2>&1 &
	ovs_pid=$!
}

# What it has told the kernel stays.
stop_vswitchd() {
	kill "$ovs_pid"
	wait "$ovs_pid" || true
}

# add_ovs_bridge NAME ADDRESS [SETTING...]: settings are of the table Bridge.
add_ovs_bridge() {
	local bridge=$1 address=$2
	shift 2
	ovs-vsctl --timeout=30 add-br "$bridge" ${1:+-- set bridge "$bridge" "$@"} ||
		die "no bridge of Open vSwitch: see $LAB/vswitchd.log"
	ip addr add "$address" dev "$bridge"
	ip link set "$bridge" up
}

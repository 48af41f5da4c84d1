#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ovs_kernel_guest.sh: runs in the machine of test_ovs_kernel.sh. A guest behind a port of vmseg's
# on a bridge of Open vSwitch's kernel datapath, and another one beside it; both are namespaces.

export PATH=/sbin:/bin VMSEG_SCHEMA=/policies/vmseg.rng
# Busybox's ip knows no namespaces.
IP=/sbin/ip
number=0 failed=0

report() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		failed=1
	fi
}

# check_equal DESCRIPTION EXPECTED ACTUAL
check_equal() {
	[ "$2" = "$3" ]
	report $? "$1"
	[ "$2" = "$3" ] || printf '# expected: %s\n# but got:  %s\n' "$2" "$3"
}

# wait_for COMMAND...: for at most a minute.
wait_for() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || return 1
		usleep 200000
	done
}

# add_guest NAME DEVICE NUMBER
add_guest() {
	$IP netns add "$1"
	$IP link add "$2" type veth peer name eth0 netns "$1" address "52:54:00:00:00:$3"
	$IP link set "$2" up
	$IP -netns "$1" link set lo up
	$IP -netns "$1" addr add "10.0.0.$3/24" dev eth0
	$IP -netns "$1" link set eth0 up
}

ask() {
	$IP netns exec client /sbin/ask -w "${2:-20}" tcp 10.0.0.11 "$1"
}

# What the port has counted in this direction for this reason.
counted() {
	vmseg show vnet0 --json | tr -d ' \n' |
		sed -n "s/.*\"direction\":\"$1\",\"reason\":\"$2\",\"verdict\":\"[a-z]*\",\"packets\":\([0-9]*\).*/\1/p"
}

hooked() {
	vmseg show vnet0 --json | tr -d ' \n' | sed 's/.*"hooked":{\([^}]*\)}.*/\1/'
}

# check_filters HOW: what is allowed, and what is not.
check_filters() {
	check_equal "$1: what policy allows is answered" answered "$(ask 80)"
	before=$(counted in policy)
	check_equal "$1: what it denies is not" silence "$(ask 22 2)"
	[ "$(counted in policy)" -gt "${before:-0}" ]
	report $? "$1: and is counted"
	before=$(counted out guard-ip)
	$IP netns exec web /sbin/send_frame -n 7 -i 1 "${2:-eth0}" udp 10.0.0.77 10.0.0.12
	check_equal "$1: what is forged is dropped" $((${before:-0} + 7)) "$(counted out guard-ip)"
	check_equal "$1: both directions are hooked" '"in":true,"out":true' "$(hooked)"
	vmseg status --json | tr -d ' \n' | grep -q '"problems":\[\]'
	report $? "$1: there is no problem"
}

# ovs-vswitchd 3.1 counts CPUs only when the monotonic clock is past 10 seconds; before, it takes their
# number for 0, and starts without a thread that handles packets without a flow.
start_switch() {
	wait_for grep -qE '^(1[1-9]|[2-9][0-9]|[0-9]{3,})[.]' /proc/uptime
	mkdir -p /run/openvswitch /var/run /var/log/openvswitch /etc/openvswitch
	[ -e /var/run/openvswitch ] || ln -s /run/openvswitch /var/run/openvswitch
	ovsdb-tool create /run/ovs.db /files/vswitch.ovsschema || return
	ovsdb-server --remote=punix:/run/openvswitch/db.sock /run/ovs.db >/run/ovsdb.log 2>&1 &
	wait_for test -S /run/openvswitch/db.sock
	ovs-vsctl --no-wait init
	ovs-vswitchd unix:/run/openvswitch/db.sock >/run/vswitchd.log 2>&1 &
	switch_pid=$!
	ovs-vsctl --timeout=60 add-br br0
}

write_policy() {
	cat >/etc/vmseg/policies/web.xml <<-XML
		<policy xmlns="urn:vmseg:1" name="web">
		  <default in="deny" out="allow"/>
		  <guards vlan="$1"/>
		  <rule direction="in" action="allow"><tcp port="80"/></rule>
		</policy>
	XML
}

start_filter() {
	mkdir -p /etc/vmseg/policies /run/vmseg /var/lib/vmseg
	chmod 755 /etc /etc/vmseg /etc/vmseg/policies /run /var /var/lib
	chmod 700 /var/lib/vmseg
	mount -t bpf bpf /sys/fs/bpf
	write_policy none
	printf 'libvirt-uri = none\nlog-events = off\n' >/etc/vmseg/hostd.conf
	vmseg-hostd >/run/hostd.log 2>&1 &
	wait_for vmseg status
}

mkdir -p /run /var/lib /var/log /etc
start_switch
report $? "a bridge with the kernel datapath is there"
add_guest web vnet0 11
add_guest client vnet1 12
ovs-vsctl --timeout=60 add-port br0 vnet0 -- add-port br0 vnet1
check_equal "its ports have the datapath as their master" ovs-system \
	"$(basename "$(readlink /sys/class/net/vnet0/master)")"
$IP netns exec web /sbin/echo_server 80 22 &
start_filter
report $? "vmseg-hostd runs"
vmseg port attach vnet0 --mac 52:54:00:00:00:11 --address 10.0.0.11 --policy web
report $? "a port of the switch is attached"
check_filters "plain"

ovs-vsctl --timeout=60 set port vnet0 tag=10 -- set port vnet1 tag=20
check_equal "in another VLAN nothing arrives" silence "$(ask 80 2)"
ovs-vsctl --timeout=60 set port vnet1 tag=10
check_filters "access ports of a VLAN"

ovs-vsctl --timeout=60 clear port vnet0 tag -- set port vnet0 trunks=10,20
write_policy 10
vmseg reload
$IP -netns web addr del 10.0.0.11/24 dev eth0
$IP -netns web link add link eth0 name eth0.10 type vlan id 10
$IP -netns web addr add 10.0.0.11/24 dev eth0.10
$IP -netns web link set eth0.10 up
check_filters "a trunk" eth0.10
ovs-vsctl --timeout=60 set port vnet1 tag=20
$IP -netns web link add link eth0 name eth0.20 type vlan id 20
# Without an address of its own: the only frames in this VLAN are to be the test's.
$IP -netns web link set eth0.20 addrgenmode none
$IP -netns web link set eth0.20 up
before=$(counted out guard-vlan)
$IP netns exec web /sbin/send_frame -n 5 -i 1 eth0.20 udp 10.0.0.11 10.0.0.12
check_equal "a VLAN that is not the guest's is dropped" $((${before:-0} + 5)) "$(counted out guard-vlan)"
ovs-vsctl --timeout=60 set port vnet1 tag=10

kill "$switch_pid"
wait "$switch_pid"
ovs-vswitchd unix:/run/openvswitch/db.sock >>/run/vswitchd.log 2>&1 &
ovs-vsctl --timeout=60 --columns=_uuid list port vnet0 >/dev/null
check_filters "after a restart of the switch" eth0.10

ovs-vsctl --timeout=60 del-port br0 vnet0
check_equal "out of the switch nothing arrives" silence "$(ask 80 2)"
check_equal "... while both directions are hooked" '"in":true,"out":true' "$(hooked)"
ovs-vsctl --timeout=60 add-port br0 vnet0 -- set port vnet0 trunks=10,20
check_filters "back in the switch" eth0.10
[ $failed = 0 ] || tail -n 20 /run/hostd.log /run/vswitchd.log
exit $failed

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A running VM moves to another host, each with its own libvirtd and daemon: what it holds open goes
# on there, what its policy forbids never reaches it, and nothing of it stays behind.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/second_host.sh"
. "$(dirname "$0")/../harness/probe.sh"

SECOND_URI=qemu+tcp://$SECOND_IP/system

# Without a policy that web needs, until a case brings it.
set_up_two() {
	set_up
	start_second_host
	on_second install_policies
	on_second rm /etc/vmseg/policies/web-server.xml
	on_second install_hook "$BUILD/vmseg-hook"
	on_second start_hostd "log-level = debug" "pickup-window = 30"
	on_second start_libvirtd 'host_uuid = "00000000-0000-0000-0000-000000000002"' "listen_tcp = 1"
	on_second wait_for 30 libvirt_connected
}

# migrate_web [OPTION...]: from the first host to the second, as an administrator does.
migrate_web() {
	virsh --quiet migrate --live "$@" web "$SECOND_URI" "tcp://$SECOND_IP"
}

migrate_back() {
	virsh --quiet --connect "$SECOND_URI" migrate --live web qemu:///system "tcp://$FIRST_IP"
}

# The domains that vmseg knows and the ports that it has, on the second host.
ports_on_second() {
	on_second vmseg status --json | jq -c '[.domains.managed, .datapath.ports.used]'
}

# web_port FILTER: of web's port on the second host.
web_port() {
	on_second show_port web "$1"
}

# check_goes_on DESCRIPTION: every connection of client to web is answered, on and on.
check_goes_on() {
	local before
	before=$(hold_now client 7000 echoes)
	check_soon 60 "$1" echoes_beyond client 7000 $((before + 30))
	check_soon 30 "not one is lost" holds client 7000 alive 4
}

# A download that lasts until web is told to end it. Its parts come a little apart, so that their
# sum stays one that an emulated CPU can check.
start_download() {
	in_vm web 'mkdir /www/cgi-bin; head -c 200000 /dev/urandom >/www/part
		echo "#!/bin/sh
		echo; until [ -e /tmp/enough ]; do cat /www/part; echo >>/tmp/parts; usleep 50000; done
		" >/www/cgi-bin/parts; chmod +x /www/cgi-bin/parts'
	in_vm client "wget -q -O - http://$(vm_ip4 $WEB)/cgi-bin/parts | md5sum >/tmp/sum 2>&1 &"
}

# check_downloaded: every byte has come as it was sent, those of before and those of after.
check_downloaded() {
	local before
	before=$(on_second parts_sent)
	check_soon 60 "the download goes on" on_second more_parts_than "$before"
	on_second in_vm web "touch /tmp/enough"
	check_soon 60 "and comes to its end" in_vm client "[ -s /tmp/sum ]"
	check_equal "with every byte as it was sent" \
		"$(on_second in_vm web 'while read -r _; do cat /www/part; done </tmp/parts | md5sum')" \
		"$(in_vm client cat /tmp/sum)"
}

# Where web is.
parts_sent() {
	in_vm web 'wc -l </tmp/parts'
}

more_parts_than() {
	[ "$(parts_sent)" -gt "$1" ]
}
export -f parts_sent more_parts_than

check_refused() {
	local said
	said=$(migrate_web 2>&1) && said="(it succeeded)"
	check_contains "a host without the policy refuses the VM, and names the policy" \
		"web-server" "$said"
	check_contains "and the domain" "vmseg refuses domain web" "$said"
	check_goes_on "it runs on where it is"
	check_equal "nothing of it is on the other host" "[0,0]" "$(ports_on_second)"
}

# On its way: the second host has its tap, its CPUs run on the first one.
check_given_up() {
	migrate_web --bandwidth 1 >"$LAB/migrate.out" 2>&1 &
	local migrating=$!
	check_soon 60 "a VM that is on its way has a filtered port already" web_is_filtered
	virsh --quiet domjobabort web
	wait $migrating && report 1 "a migration can be given up" "it succeeded"
	check_soon 30 "when it is given up the port goes" ports_on_second_are "[0,0]"
	check_goes_on "and the VM runs on where it is"
}

ports_on_second_are() {
	[ "$(ports_on_second)" = "$1" ]
}

web_is_filtered() {
	[ "$(web_port '.hooked.in and .hooked.out')" = true ]
}

pickup_is() {
	[ "$(web_port ".pickup_seconds $1")" = true ]
}

check_migrated() {
	local ids
	ids=$(show_port web '"link \(.link_id.in)", "link \(.link_id.out)", "map \(.session_map_id)"')
	check "the VM moves, and is not resumed yet" migrate_web --suspend
	check "connections can be picked up however long it takes" pickup_is "> 30"
	on_second virsh --quiet resume web
	check_goes_on "its connections go on when it is"
	check_downloaded
	check "from then on the window counts" pickup_is "<= 30"
	check_equal "they are sessions that were picked up" 4 \
		"$(on_second vmseg sessions web --json |
			jq '[.sessions[] | select(.local_port == 7000 and .picked_up)] | length')"
	check_equal "and counted, with the download's" 5 "$((\
		$(on_second counter web in picked-up) + $(on_second counter web out picked-up)))"
	check_equal "no segment came too early or too late" 0 "$((\
		$(on_second counter web in tcp-state) + $(on_second counter web out tcp-state)))"
	check_equal "the first host knows it no more" "client intruder" "$(vmseg list --json |
		jq -r '[.domains[].name] | sort | join(" ")')"
	check_equal "two links are pinned for each of them, and no more" 4 "$(list_pins | grep -c links)"
	check_soon 30 "links and session map of web are gone" ids_are_gone "$ids"
}

check_back() {
	check "it moves back, and its CPUs run at once" migrate_back
	check_goes_on "its connections go on"
	check_probed "back on the first host" "$LAB/probes"
	check_equal "the second host has nothing of it" "[0,0]" "$(ports_on_second)"
}

check_announced() {
	check_soon 10 "QEMU's RARP announcement has passed" grep -q "Reverse Request who-is $(vm_mac $WEB)" \
		"$LAB/announced"
	check_soon 10 "and the guest's gratuitous ARP" grep -q "$(vm_ip4 $WEB) tell $(vm_ip4 $WEB)" \
		"$LAB/announced"
}

# ---- what must not pass, and what must ------------------------------------------------------

# From the first host into web, and out of web, from before it moves until it is back. The frames
# reach web's port wherever it is, and are counted there.
start_probes() {
	on_second "$TOOLS/watch_frames" "$LAB/second/probes" >"$LAB/second/watch.log" 2>&1 &
	start_watch
	probe_into allowed $WEB "$PROBE_ALLOWED"
	probe_into forbidden $WEB "$PROBE_FORBIDDEN"
	probe_from web honest "$(vm_ip4 $WEB)" "$(vm_ip4 $CLIENT)" -p 7000
	probe_from web spoofed "$(vm_ip4 $CLIENT)" "$VM_NET4.1"
	check_probed "on the first host" "$LAB/probes"
}

# check_probed WHERE FILE: web is there, and filtered.
check_probed() {
	local where=$1 PROBE_COUNTS=$2
	check "$where what is allowed arrives" await_probes allowed in 20
	check "$where what web honestly sends gets out" await_probes honest out 20
	check "$where forbidden packets are tried" await_probes forbidden tried 20
	check "$where spoofed ones too" await_probes spoofed tried 20
	check_none_passed "$where nothing forbidden has reached web" forbidden
	check_none_passed "$where nothing spoofed has left it" spoofed
}

enter_lab "$@"
need tcpdump
set_up_two
start_three
start_hold client "$(vm_ip4 $WEB)" 7000 4
check_soon 30 "client holds 4 connections" holds client 7000 alive 4
check_refused
on_second install_policies
on_second vmseg reload >/dev/null
start_download
check_given_up
check_soon 30 "client downloads something long" more_parts_than 3
tcpdump --immediate-mode -l -n -i uplink arp or rarp >"$LAB/announced" 2>"$LAB/tcpdump.err" &
start_probes
check_migrated
check_announced
check_probed "on the second host" "$LAB/second/probes"
check_back
done_testing

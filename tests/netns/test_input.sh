#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Input that is not to be trusted: forged netlink messages, hooks with odd domains, files that others
# could have written, a cleaner in /run, a daemon that is stopped. What is filtered stays filtered,
# and the administrator is told.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq
need python3

RUN=/run/vmseg
STATES=/var/lib/vmseg/ports
POLICIES=/etc/vmseg/policies

set_up() {
	mkdir -p $POLICIES
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	add_guest admin c12 12
	write_good_policy
	start_hostd 'libvirt-uri = none' 'hook-timeout = 300'
	check "web starts" start_web
	check "a port domain, too" vmseg port attach c12 --mac 52:54:00:00:00:12 \
		--address 10.0.0.12 --policy web-server
}

describe_web() {
	describe web 11 "$(managed 11 "<vmseg:policy ref='web-server'/>")" vnet0
}

start_web() {
	describe_web | hook web start begin -
}

# host_problems: what is wrong and no domain's, one a line.
host_problems() {
	vmseg status --json | jq -r '.problems[] | select(.domain == null) | .error'
}

devices_filtered() {
	local ifindex names=
	for ifindex in $(find /sys/fs/bpf/vmseg/links -name '*-in' -printf '%f\n' | sort); do
		names+="$(ip -o link | sed -n "s/^${ifindex%-in}: \([^@:]*\).*/\1/p") "
	done
	echo "${names% }"
}

# refused_start DESCRIPTION PART: the daemon does not start, and says why.
refused_start() {
	local said status=0
	said=$(timeout 30 "$BUILD/vmseg-hostd" 2>&1) || status=$?
	check_contains "$1" "$2" "$said"
	report $((status == 0 || status == 124)) "... and does not start: $1" "exit status $status"
	check_equal "... and the guest stays filtered" silence "$(ask_from host 22)"
}

# ---- netlink ----------------------------------------------------------------------------------

# To every netlink socket that listens to groups, as any process with CAP_NET_ADMIN can: forge IFINDEX.
forge() {
	python3 - "$1" <<-'PY'
		import socket, struct, sys

		link = struct.pack("=BBHiII", 0, 0, 1, int(sys.argv[1]), 0, 0)
		whole = 16 + len(link)
		sender = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
		sender.bind((0, 0))
		with open("/proc/net/netlink") as table:
		    rows = [line.split() for line in table][1:]
		for row in rows:
		    if row[1] != "0" or int(row[3], 16) == 0:
		        continue
		    for length in (whole, 0xffffffff, 0, 15):
		        # RTM_DELLINK
		        sender.sendto(struct.pack("=IHHII", length, 17, 0, 0, 0) + link, (int(row[2]), 0))
		        print("sent")
	PY
}

check_netlink() {
	check_equal "forged messages reach the daemon's socket" 4 \
		"$(forge "$(</sys/class/net/vnet0/ifindex)" | grep -c sent)"
	check "... which answers after that" vmseg status
	check_equal "... and believes nothing of it" "c12 vnet0" \
		"$(devices_filtered | tr ' ' '\n' | sort | paste -sd ' ')"
	check_ask "... what is forbidden stays so" silence host 22
	ip link add brief0 type veth peer name brief1
	ip link del brief0
	check "... and it goes on listening to the kernel" vmseg status
}

# ---- what a hook hands over ------------------------------------------------------------------

# hook_refuses DESCRIPTION PART: of the domain on standard input.
hook_refuses() {
	local said status=0
	said=$(hook evil start begin - 2>&1) || status=$?
	check_contains "$1" "$2" "$said"
	check_equal "... and refused" 1 "$status"
}

check_hook() {
	local before
	mkdir "$LAB_RUN/victim"
	echo '{"keep": "me"}' >"$LAB_RUN/victim/settings-abcdefghijkl.json"
	before=$(find $RUN -type f | sort)
	describe evil 13 "$(managed 13 '')" |
		sed "s/<uuid>.*<\/uuid>/<uuid>..\/..\/lab\/victim\/settings-abcdefghijkl<\/uuid>/" \
			>"$LAB/evil.xml"
	hook_refuses "a UUID with slashes is none" 'is not a UUID' <"$LAB/evil.xml"
	hook evil stopped end - <"$LAB/evil.xml"
	check_equal "... and leads nowhere" '{"keep": "me"}' \
		"$(cat "$LAB_RUN/victim/settings-abcdefghijkl.json")"
	check_equal "... neither in" "$before" "$(find $RUN -type f | sort)"
	describe a/b 13 "$(managed 13 '')" >"$LAB/evil.xml"
	hook_refuses "a name with a slash is none" 'without slash' <"$LAB/evil.xml"
	describe "$(printf 'n%.0s' {1..256})" 13 "" >"$LAB/evil.xml"
	hook_refuses "nor is one that is too long" '<name>: expected 1 to 255 bytes' <"$LAB/evil.xml"
	check_equal "nothing of that is known" "c12 web" \
		"$(vmseg list --json | jq -r '[.domains[].name] | sort | join(" ")')"
}

# ---- state files ------------------------------------------------------------------------------

# damage FILE KIND: the file becomes something that no daemon has left there.
damage() {
	case $2 in
	empty) : >"$1" ;;
	fifo) rm "$1" && mkfifo "$1" ;;
	link) mv "$1" "$LAB/elsewhere" && ln -s "$LAB/elsewhere" "$1" ;;
	directory) rm "$1" && mkdir "$1" ;;
	renamed) mv "$1" "${1%/*}/11111111-2222-3333-4444-555555555555.json" ;;
	writable) chmod 666 "$1" ;;
	foreign) chown nobody "$1" ;;
	esac
}

# check_damage KIND PART: PART is in what is said.
check_damage() {
	local file copy=$LAB/copy.json
	file=$(echo $STATES/*.json)
	cp "$file" "$copy"
	stop_hostd
	damage "$file" "$1"
	start_hostd
	check_contains "a state file that is $1 is a problem" "$2" "$(host_problems)"
	check_equal "... it is kept aside" 1 "$(find $STATES -name '*.json.bad' | wc -l)"
	check_equal "... and its device stays filtered" "c12 vnet0" \
		"$(devices_filtered | tr ' ' '\n' | sort | paste -sd ' ')"
	check_equal "... though nobody's" c12 "$(vmseg status --json | jq -r '.unclaimed[].device')"
	stop_hostd
	start_hostd
	check_contains "... nor does the next daemon forget it" ".json.bad: " "$(host_problems)"
	stop_hostd
	rm -r $STATES/*.bad
	cp "$copy" "$file"
	chown root: "$file"
	chmod 644 "$file"
	start_hostd
	check_equal "... until it is as before" "" "$(host_problems)"
	check_equal "... and the port with it" enforce "$(domain c12 .state)"
}

check_duplicates() {
	local file
	file=$(echo $STATES/*.json)
	stop_hostd
	# The same domain under a UUID of its own, and in the place of libvirt's domains.
	sed "s/<uuid>........-/<uuid>11111111-/" "$file" \
		>"$STATES/11111111-$(basename "$file" | cut -d - -f 2-)"
	cp "$file" $RUN/domains
	start_hostd
	check_equal "a second file for one device is refused, and one in the wrong place" 2 \
		"$(host_problems | grep -c 'bad: this state file')"
	check_contains "... with the domain that has it" "which is already known as domain c12" \
		"$(host_problems)"
	check_contains "... or what is wrong with the place" "it describes a port domain" \
		"$(host_problems)"
	check_equal "... there is one such domain" 1 \
		"$(vmseg list --json | jq '[.domains[] | select(.name == "c12")] | length')"
	rm $STATES/*.bad $RUN/domains/*.bad
	check_equal "... and no problem when they are removed" "" "$(host_problems)"
}

check_states() {
	check_damage empty "it is not JSON"
	check_damage fifo "it is not a regular file"
	check_damage directory "it is not a regular file"
	check_damage link "it is a symbolic link"
	check_damage renamed "expected the UUID that is the file's name"
	check_damage writable "mode 0666 allows users other than its owner to write to it"
	check_damage foreign "it belongs to user"
	check_duplicates
}

# ---- policies ---------------------------------------------------------------------------------

bad_files() {
	vmseg status --json | jq .bad_files
}

check_policies() {
	mv $POLICIES/web-server.xml "$LAB/web-server.xml"
	ln -s "$LAB/web-server.xml" $POLICIES/web-server.xml
	check_fails "a policy that is a link to elsewhere is not read" vmseg reload
	check_contains "... as web's problem says" "it is a symbolic link" \
		"$(vmseg status --json | jq -r '.problems[].error')"
	check_ask "... what was in force is" silence host 22
	rm $POLICIES/web-server.xml
	cp "$LAB/web-server.xml" $POLICIES/web-server.xml
	chmod 664 $POLICIES/web-server.xml
	check_fails "nor one that others may write" vmseg reload
	check_equal "... it is a bad file" 1 "$(bad_files)"
	chmod 644 $POLICIES/web-server.xml
	check "one of root's is" vmseg reload
	chmod 777 $POLICIES
	check_contains "nothing is read where others may write" "mode 0777 allows users other" \
		"$(vmseg reload 2>&1)"
	chmod 755 $POLICIES
	echo secret >"$LAB/secret"
	chmod 600 "$LAB/secret"
	ln -s "$LAB/secret" $POLICIES/web-server.xml.new
	check "a policy is written" vmseg policy apply "$LAB/web-server.xml"
	check_equal "... through no link" "secret 600" "$(cat "$LAB/secret") $(stat -c %a "$LAB/secret")"
	check_equal "... to a file of its own" "regular file" "$(stat -c %F $POLICIES/web-server.xml)"
}

# ---- the start --------------------------------------------------------------------------------

check_start() {
	stop_hostd
	chmod 777 $RUN
	refused_start "a run directory where others may write is refused" "$RUN: mode 0777 allows"
	chmod 755 $RUN
	chown nobody /var/lib/vmseg
	refused_start "so is a state directory of others" "/var/lib/vmseg: it belongs to user"
	chown root /var/lib/vmseg
	chmod 722 /sys/fs/bpf/vmseg
	refused_start "so are pins" "/sys/fs/bpf/vmseg: mode 0722 allows"
	chmod 700 /sys/fs/bpf/vmseg
	mount --bind /dev/null /sys/devices/system/cpu/possible
	refused_start "without a number of CPUs there is no room for counters" "possible CPUs"
	umount /sys/devices/system/cpu/possible
	start_hostd
	check_equal "then it starts as ever" enforce "$(domain web .state)"
}

# ---- a cleaner --------------------------------------------------------------------------------

files_are_back() {
	[ -S $RUN/control.sock ] && [ -S $RUN/read.sock ] && [ -f $RUN/lock ] &&
		[ -f $RUN/heartbeat ] && [ "$(find $RUN/domains -name '*.json' | wc -l)" = 1 ] &&
		vmseg status
}

check_cleaner() {
	rm -rf ${RUN:?}/*
	check_soon 30 "what a cleaner removes from /run is made anew" files_are_back
	check "... the hook is answered" start_web
	check_contains "... no second daemon starts" "another vmseg-hostd uses this directory" \
		"$("$BUILD/vmseg-hostd" 2>&1)"
	rm $RUN/domains/*
	check_soon 30 "so are state files alone" files_are_back
	rm -r $RUN
	check_soon 30 "and the directory itself" files_are_back
	restart_by_kill
	check_equal "the next daemon knows the guest" enforce "$(domain web .state)"
}

restart_by_kill() {
	stop_hostd KILL
	start_hostd
}

# ---- a daemon that is stopped -----------------------------------------------------------------

# The hook's time-out is 300 s: who waited for it would come too late.
patient_hook() {
	timeout 100 "$BUILD/vmseg-hook" "$@"
}

check_stopped() {
	local said status=0
	kill -STOP "$hostd_pid"
	said=$(describe_web | patient_hook web start begin - 2>&1) || status=$?
	check_contains "a guest does not start while the daemon is stopped" "no sign of life" "$said"
	check_equal "... by the hook's decision" 1 "$status"
	check "one that is not managed does" patient_hook other start begin - < <(describe other 14 "")
	check "... and ends" patient_hook other stopped end - < <(describe other 14 "")
	check "... entirely" patient_hook other release end - < <(describe other 14 "")
	check_contains "the command says so, too" "no sign of life" "$(timeout 50 "$BUILD/vmseg" status 2>&1)"
	check_ask "what is filtered stays filtered" silence host 22
	kill -CONT "$hostd_pid"
	check_soon 30 "when it goes on it answers" vmseg status
	check "... also the hook" start_web
	check_equal "... and what it was told meanwhile is done" "c12 web" \
		"$(vmseg list --json | jq -r '[.domains[].name] | sort | join(" ")')"
}

set_up
check_netlink
check_hook
check_policies
check_states
check_start
check_cleaner
check_stopped
done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Policies that are applied until somebody confirms them: rolled back in time, whatever becomes of
# the daemon, the disk and the file meanwhile. Without libvirt and VMs.

set -euo pipefail
. "$(dirname "$0")/guests.sh"

enter_lab "$@"
need jq

HOST=10.0.0.1
POLICIES=/etc/vmseg/policies
WEB=$POLICIES/web.xml
STATE=/var/lib/vmseg/pending

# A policy that lets one port in: policy PORT.
policy() {
	printf '%s\n' '<policy xmlns="urn:vmseg:1" name="web">' \
		"  <rule id=\"http\" direction=\"in\" action=\"allow\"><tcp port=\"$1\"/></rule>" \
		'</policy>'
}

# What is in force: the port of the two that answers.
open_port() {
	local port asking=() open=
	for port in 80 22; do
		"$TOOLS/ask" -w $LEAST_PATIENCE tcp 10.0.0.11 "$port" >"$LAB/ask-$port" &
		asking+=($!)
	done
	# The other one, if it is open, too, is not slower by much.
	wait -n "${asking[@]}" || true
	sleep 1
	for port in 80 22; do
		[ "$(<"$LAB/ask-$port")" != answered ] || open+=$port
	done
	kill "${asking[@]}" 2>/dev/null || true
	wait "${asking[@]}" 2>/dev/null || true
	echo "$open"
}

# pending FILTER: of the change of web that waits for confirmation; nothing when none does.
pending() {
	vmseg status --json | jq -r ".pending[] | select(.name == \"web\") | $1"
}

nothing_pending() {
	[ "$(vmseg status --json | jq '.pending | length')" = 0 ]
}

is_error_shown() {
	[ "$(pending .error)" != null ]
}

# The file of before, with what an editor of policies would not write.
write_before() {
	{
		printf '<?xml version="1.0"?>\r\n<!-- as it was -->\r\n'
		policy 80
		printf '<!-- no newline at its end -->'
	} >"$LAB/before"
	cp "$LAB/before" "$WEB"
	chmod 640 "$WEB"
	chown :daemon "$WEB"
	touch -d '2020-02-02 02:02:02' "$WEB"
}

status_of_web() {
	stat -c '%i %a %U %Y' "$WEB"
}

# Nothing of a change is left over, in no directory.
leftovers() {
	find "$POLICIES" "$STATE" -mindepth 1 ! -name '[a-z]*.xml'
}

set_up() {
	mkdir -p "$POLICIES"
	add_bridge br0 "$HOST/24"
	add_guest web vnet0 11
	write_before
	start_hostd 'libvirt-uri = none'
	describe web 11 "$(managed 11 "<vmseg:policy ref='web'/>")" vnet0 | hook web start begin -
}

# apply_web SECONDS PORT
apply_web() {
	policy "$2" | vmseg policy apply --confirm "$1" -
}

# ---- in time ----------------------------------------------------------------------------------

check_confirmed() {
	local left
	check_equal "before, one port is open" 80 "$(open_port)"
	check_contains "a policy is applied for a while, and how to keep it is said" \
		"rolled back in 300 s unless you run: vmseg policy confirm web" "$(apply_web 300 22)"
	check_equal "it is in force" 22 "$(open_port)"
	left=$(pending .seconds_left)
	check "status counts down" test "$left" -gt 0 -a "$left" -le 300
	check_contains "for people, too" "s left, then back to the earlier file" "$(vmseg status)"
	check_contains "it is not replaced while it waits" "or vmseg policy rollback web" \
		"$(policy 80 | vmseg policy apply - 2>&1)"
	check_contains "not even for a while" "web waits for confirmation" "$(apply_web 9 80 2>&1)"
	check_contains "nor is it deleted" "web waits for confirmation" \
		"$(vmseg policy delete web 2>&1)"
	check_equal "all that has changed nothing" 22 "$(open_port)"
	check_fails "those who may only read cannot confirm it" \
		vmseg --socket /run/vmseg/read.sock policy confirm
	check_equal "confirm keeps it" "web confirmed" "$(vmseg policy confirm web)"
	check_equal "and nothing waits any more" "" "$(pending .name)"
	check_equal "nothing is left over" "" "$(leftovers)"
	check_contains "there is nothing to confirm then" "nothing waits for confirmation" \
		"$(vmseg policy confirm 2>&1)"
	check_contains "nor by name" "no change of web waits" "$(vmseg policy confirm web 2>&1)"
	check_contains "nor to roll back" "nothing waits" "$(vmseg policy rollback 2>&1)"
}

check_bad_input() {
	check_equal "no time at all is no time" 2 "$(apply_web 0 80 >/dev/null 2>&1; echo $?)"
	check_contains "a year is refused with what is expected" "from 1 to 86400" \
		"$(apply_web 31536000 80 2>&1)"
	check_contains "a policy that is bad is refused as ever" "sideways" \
		"$(vmseg policy apply --confirm 60 - 2>&1 <<-XML
			<policy xmlns="urn:vmseg:1" name="web"><rule direction="sideways" action="allow"/></policy>
		XML
		)"
	check_equal "none of this waits for confirmation" "" "$(pending .name)"
	check_equal "or has changed anything" 22 "$(open_port)"
}

# ---- not in time ------------------------------------------------------------------------------

check_rolled_back() {
	local before monitor
	write_before
	vmseg reload >/dev/null
	before=$(status_of_web)
	"$BUILD/vmseg" monitor --json >"$LAB/events" &
	monitor=$!
	# What monitors is there once it sees something.
	check_soon 10 "somebody watches" reload_is_seen
	check "a policy is applied for a second" apply_web 1 22
	check_soon 30 "it is rolled back by itself" nothing_pending
	check "every byte is as before" cmp "$LAB/before" "$WEB"
	check_equal "and what is known of the file" "$before" "$(status_of_web)"
	check_equal "it is in force" 80 "$(open_port)"
	check_equal "nothing is left over" "" "$(leftovers)"
	check "the log says so" grep -q 'web was not confirmed in 1 s' "$LAB/hostd.log"
	check_soon 10 "whoever watches learns of it" grep -q '"event":"log".*web.xml rolled back' \
		"$LAB/events"
	kill "$monitor"
	wait "$monitor" || true
}

reload_is_seen() {
	vmseg reload >/dev/null
	grep -q reloaded "$LAB/events"
}

check_rolled_back_by_hand() {
	apply_web 300 22 >/dev/null
	check_equal "rollback does not wait" "web rolled back, 1 domains updated" \
		"$(vmseg policy rollback)"
	check "every byte is as before" cmp "$LAB/before" "$WEB"
	check_equal "in force" 80 "$(open_port)"
}

check_new_files() {
	vmseg policy apply --confirm 300 - >/dev/null <<-XML
		<set xmlns="urn:vmseg:1" name="office"><cidr>10.9.0.0/16</cidr></set>
	XML
	apply_web 300 22 >/dev/null
	check_equal "several may wait at a time" $'office\nweb' \
		"$(vmseg status --json | jq -r '.pending[].name')"
	check_equal "what there was not before goes" "no file" \
		"$(vmseg status --json | jq -r '.pending[] | select(.name == "office").rollback')"
	check "each is rolled back for itself" vmseg policy rollback office
	check_fails "the set is gone" test -e "$POLICIES/office.xml"
	check_equal "the other waits" web "$(pending .name)"
	check_equal "without a name, all are confirmed" "web confirmed" "$(vmseg policy confirm)"
	check_equal "nothing is left over" "" "$(leftovers)"
}

# ---- without a daemon -------------------------------------------------------------------------

check_killed_in_time() {
	local left
	write_before
	vmseg reload >/dev/null
	apply_web 300 22 >/dev/null
	stop_hostd KILL
	check_equal "with the daemon killed it stays in force" 22 "$(open_port)"
	start_hostd
	left=$(pending .seconds_left)
	check "the next daemon goes on counting" test "$left" -gt 0 -a "$left" -le 300
	check_equal "it is in force still" 22 "$(open_port)"
	check "and can be rolled back" vmseg policy rollback web
	check "to the same bytes" cmp "$LAB/before" "$WEB"
}

# The deadline, on the clock that /proc/uptime shows.
is_overdue() {
	awk -v deadline="$(jq .deadline "$STATE/web.json")" \
		'{ exit !($1 * 1000000 > deadline) }' /proc/uptime
}

check_killed_too_long() {
	local slot
	slot=$(show_port web .slot)
	apply_web 2 22 >/dev/null
	stop_hostd KILL
	check_soon 30 "its time runs out while no daemon runs" is_overdue
	check_equal "it stays in force until one does" 22 "$(open_port)"
	start_hostd
	check_equal "which begins with the file of before" 80 "$(open_port)"
	check "byte by byte" cmp "$LAB/before" "$WEB"
	check_equal "and with the port as it was" "$slot" "$(show_port web .slot)"
	check "the log says so" grep -q 'web was not confirmed in 2 s' "$LAB/hostd.log"
	check_equal "nothing is left over" "" "$(leftovers)"
}

check_broken_state() {
	stop_hostd
	mkdir -p "$STATE"
	echo '{"version": 1, "name": "web"' >"$STATE/web.json"
	echo '{"version": 1, "name": "../web"}' >"$STATE/other.json"
	start_hostd
	check "what cannot be understood does not stop the daemon" nothing_pending
	check "and is named" grep -q "$STATE/web.json: " "$LAB/hostd.log"
	check "each" grep -q "$STATE/other.json: it is not a state file of this version" "$LAB/hostd.log"
	check_equal "and listed as a problem" 2 "$(vmseg status --json | jq ".problems | length")"
	rm "$STATE"/*.json.bad
}

# ---- in spite of everything -------------------------------------------------------------------

check_removed_state() {
	apply_web 300 22 >/dev/null
	rm -r "$STATE"
	check_soon 30 "a state file that somebody removes is written anew" test -s "$STATE/web.json"
	stop_hostd KILL
	start_hostd
	check_contains "... so the change waits still" "s left" "$(vmseg status)"
	stop_hostd
	rm -r "$STATE"
	start_hostd
	check_contains "what was removed while no daemon ran is a problem" \
		"/.web.xml.before: this is the previous web.xml, kept for a change" \
		"$(vmseg status --json | jq -r '.problems[].error')"
	check_equal "... and the change stays in force" 22 "$(open_port)"
	mv "$POLICIES/.web.xml.before" "$WEB"
	check "an admin brings the earlier file back" vmseg reload
	check_equal "... which is in force" 80 "$(open_port)"
	check_equal "... and ends the problem" "" "$(vmseg status --json | jq -r '.problems[].error')"
	check_equal "nothing is left over" "" "$(leftovers)"
}

check_edited_by_hand() {
	apply_web 300 22 >/dev/null
	policy 443 >"$WEB"
	policy 443 >"$LAB/edited"
	check "what somebody has edited meanwhile is rolled back, too" vmseg policy rollback web
	check "to the file of before" cmp "$LAB/before" "$WEB"
	check "what was written there is kept" cmp "$LAB/edited" "$WEB.edited"
	check_contains "and the log says where" "its content is kept as $WEB.edited" "$(cat "$LAB/hostd.log")"
	apply_web 300 22 >/dev/null
	policy 444 >"$WEB"
	check "a second time" vmseg policy rollback web
	check "nothing of the first is lost" cmp "$LAB/edited" "$WEB.edited"
	check_contains "nor of the second" 444 "$(cat "$WEB.edited.2")"
	rm "$WEB".edited*
	apply_web 300 22 >/dev/null
	rm "$WEB"
	check "one that somebody has removed" vmseg policy rollback web
	check "is there again" cmp "$LAB/before" "$WEB"
}

check_earlier_needs() {
	vmseg policy apply - >/dev/null <<-XML
		<set xmlns="urn:vmseg:1" name="office"><cidr>10.0.0.0/24</cidr></set>
	XML
	vmseg policy apply - >/dev/null <<-XML
		<policy xmlns="urn:vmseg:1" name="web"><rule direction="in" action="allow">
		<remote set="office"/><tcp port="80"/></rule></policy>
	XML
	apply_web 300 22 >/dev/null
	check_contains "what the earlier policy needs cannot be deleted" \
		"the previous policy web names it" "$(vmseg policy delete office 2>&1)"
	vmseg policy rollback >/dev/null
	check_equal "so it can come back" 80 "$(open_port)"
	write_before
	vmseg reload >/dev/null
	check "then it can" vmseg policy delete office
}

check_bad_settings() {
	apply_web 1 22 >/dev/null
	echo 'max-portz = 7' >>/etc/vmseg/hostd.conf
	check_soon 30 "settings that have become bad do not keep it from being rolled back" \
		nothing_pending
	check_equal "it is in force" 80 "$(open_port)"
	sed -i /max-portz/d /etc/vmseg/hostd.conf
}

# A disk of the policies' own, with what is there now.
mount_disk() {
	mkdir "$LAB_RUN/disk"
	mount -t tmpfs -o size=256k,mode=755 disk "$LAB_RUN/disk"
	cp --archive "$POLICIES"/*.xml "$LAB_RUN/disk"
	mount --move "$LAB_RUN/disk" "$POLICIES"
}

fill_disk() {
	dd if=/dev/zero of="$1/filler" bs=4k oflag=append conv=notrunc 2>/dev/null || true
	check_fails "the disk is full" dd if=/dev/zero of="$1/more" bs=4k count=1
	rm -f "$1/more"
}

check_full_disk() {
	mount_disk
	apply_web 1 22 >/dev/null
	fill_disk "$POLICIES"
	check_soon 30 "with a full disk it is rolled back, too" nothing_pending
	check "byte by byte" cmp "$LAB/before" "$WEB"
	# The one that went has made room.
	fill_disk "$POLICIES"
	check_contains "a new one is refused" "No space left on device" "$(apply_web 300 22 2>&1)"
	check_contains "also for good" "No space left on device" \
		"$(policy 22 | vmseg policy apply - 2>&1)"
	check "and the old one is there" cmp "$LAB/before" "$WEB"
	check_equal "in force" 80 "$(open_port)"
	rm "$POLICIES/filler"
	check_equal "nothing is left over" "" "$(leftovers)"
}

check_read_only_disk() {
	apply_web 1 22 >/dev/null
	mount -o remount,ro "$POLICIES"
	check_soon 30 "what cannot be rolled back yet is shown" is_error_shown
	check_contains "with the reason" "Read-only file system" "$(vmseg status)"
	check_equal "it stays in force" 22 "$(open_port)"
	mount -o remount,rw "$POLICIES"
	check_soon 30 "once it can be it is" nothing_pending
	check_equal "in force" 80 "$(open_port)"
	umount "$POLICIES"
}

check_full_state() {
	mount -t tmpfs -o size=64k,mode=700 state /var/lib/vmseg
	mkdir "$STATE"
	fill_disk /var/lib/vmseg
	check_contains "what could not be rolled back is not applied" "a rollback would be impossible" \
		"$(apply_web 300 22 2>&1)"
	check "the file is as it was" cmp "$LAB/before" "$WEB"
	check_equal "in force" 80 "$(open_port)"
	check_equal "nothing is left over" "" "$(find "$POLICIES" -name '.*' -type f)"
	umount /var/lib/vmseg
}

set_up
check_confirmed
check_bad_input
check_rolled_back
check_rolled_back_by_hand
check_new_files
check_killed_in_time
check_killed_too_long
check_broken_state
check_removed_state
check_edited_by_hand
check_earlier_needs
check_bad_settings
check_full_disk
check_read_only_disk
check_full_state
done_testing

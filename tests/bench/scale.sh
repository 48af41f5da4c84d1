#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How it goes with many: ports, sessions, rules, members of a group, starts at once; and what a hook
# request waits for meanwhile. Taps stand for VMs, our own tool for their traffic, and the hook is
# run as libvirtd would run it.
#
# Counts are judged, times are not: every start must succeed, every session must be there, before
# and after the daemon's restart. SHORT=1 makes a test of it.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/lab.sh"
. "$here/../harness/hostd.sh"
enter_lab "$@"
. "$here/lib.sh"

need jq
need curl

PORTS=${PORTS:-500}
SESSIONS=${SESSIONS:-1000000}
ROUNDS=${ROUNDS:-5}
AT_ONCE=100 # domains that start in parallel
REQUESTS=400
GROUP_MEMBERS=1000
if [ -n "$SHORT" ]; then
	PORTS=100 SESSIONS=150000 ROUNDS=1 REQUESTS=20 GROUP_MEMBERS=100
fi
PER_PORT=$((SESSIONS / PORTS))
METRICS=127.0.0.1:9876

# ---- domains ---------------------------------------------------------------------------------

mac_of() { printf '52:54:00:00:%02x:%02x' $(($1 / 256)) $(($1 % 256)); }
address_of() { printf '10.1.%d.%d' $(($1 / 250)) $(($1 % 250 + 1)); }
uuid_of() { printf '00000000-0000-0000-0000-%012d' "$1"; }

# describe NUMBER METADATA: a domain with one tap.
describe() {
	cat <<-EOF
		<domain type='kvm'><name>vm$1</name><uuid>$(uuid_of "$1")</uuid>
		<metadata><vmseg:domain xmlns:vmseg='urn:vmseg:1'>$2
		<vmseg:interface mac='$(mac_of "$1")'><vmseg:address ip='$(address_of "$1")'/></vmseg:interface>
		</vmseg:domain></metadata>
		<devices><interface type='bridge'><mac address='$(mac_of "$1")'/>
		<target dev='vnet$1'/></interface></devices></domain>
	EOF
}

xml_of() { printf '%s/xml/vm%d.xml' "$LAB" "$1"; }

# xml_files FIRST COUNT
xml_files() {
	seq -f "$LAB/xml/vm%.0f.xml" "$1" $(($1 + $2 - 1))
}

# make_taps FIRST COUNT
make_taps() {
	local i
	for ((i = $1; i < $1 + $2; i++)); do
		printf 'tuntap add vnet%d mode tap\nlink set vnet%d up\n' "$i" "$i"
	done | ip -batch -
}

drop_taps() {
	local i
	for ((i = $1; i < $1 + $2; i++)); do
		printf 'link del vnet%d\n' "$i"
	done | ip -batch -
}

ports_are() {
	[ "$(vmseg status --json | jq .datapath.ports.used)" = "$1" ]
}

libvirt_connected() {
	vmseg status --json | jq -e '.libvirt[0].connected'
}

# write_web RULES [EXTRA]: the policy that all domains use.
write_web() {
	{
		echo '<policy xmlns="urn:vmseg:1" name="web"><default in="deny" out="allow"/>'
		printf '<limits sessions="%d"/>' "$((PER_PORT + PER_PORT / 10))"
		seq "$1" | awk '{ printf "<rule direction=\"in\" action=\"allow\">" \
			"<remote cidr=\"172.%d.%d.0/24\"/><tcp port=\"%d\"/></rule>\n", \
			16 + $1 / 250 % 16, $1 % 250, 1000 + $1 % 200 }'
		echo "${2:-}</policy>"
	} | write_policy web
}

# ---- hooks -----------------------------------------------------------------------------------

# hooks ARGUMENT...: of hook_load; latencies in ms go into the file hooks. None may be refused.
hooks() {
	"$BENCH_TOOLS/hook_load" "$@" >"$LAB/hooks.raw"
	awk '{ print $1 / 1000 }' "$LAB/hooks.raw" >"$LAB/hooks"
	awk '$2 != 0 { n++ } END { exit n > 0 }' "$LAB/hooks.raw" ||
		die "$(awk '$2 != 0' "$LAB/hooks.raw" | wc -l) hooks refused: ${*:1:6}"
}

# note_hooks GROUP CASE: median, 99th percentile and worst of the last hooks.
note_hooks() {
	local p
	for p in 50 99; do
		figure "$1" "$2, p$p" ms lower
		note "$1" "$2, p$p" "$(percentile $p <"$LAB/hooks")"
	done
}

# hooks_during NAME COMMAND...: hooks ask about a domain while the command runs again and again.
hooks_during() {
	local name=$1 i pid
	shift
	while :; do "$@" >/dev/null 2>&1; done &
	pid=$!
	hooks -n "$REQUESTS" -i 10 "$BUILD/vmseg-hook" prepare "$(xml_of 0)"
	kill $pid
	wait $pid || true
	note_hooks hook/latency "$name"
}

scrape() {
	curl -sf -o "${1:-/dev/null}" "http://$METRICS/metrics"
}

# ---- the daemon's own cost -------------------------------------------------------------------

daemon_ticks() {
	awk '{ print $14 + $15 }' "/proc/$hostd_pid/stat"
}

# cpu_over SECONDS: percent of one core.
cpu_over() {
	local before
	before=$(daemon_ticks)
	sleep "$1"
	awk -v t=$(($(daemon_ticks) - before)) -v s="$1" 'BEGIN { printf "%.2f", t / s }'
}

daemon_rss() {
	awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$hostd_pid/status"
}

note_daemon() {
	figure daemon/cpu "$1" "% of a core" lower
	note daemon/cpu "$1" "$(cpu_over 6)"
	figure daemon/memory "$1" MiB lower
	note daemon/memory "$1" "$(daemon_rss)"
}

# Kernel memory in KiB: slabs, mapped areas and per-CPU, where BPF maps are.
kernel_memory() {
	awk '/^(SUnreclaim|VmallocUsed|Percpu):/ { sum += $2 } END { print sum }' /proc/meminfo
}

# ---- parts -----------------------------------------------------------------------------------

# As many starts at once as there are in a burst: announced, taps there, then attached.
start_burst() {
	local started
	mapfile -t files < <(xml_files "$1" "$2")
	hooks -p "$2" "$BUILD/vmseg-hook" prepare "${files[@]}"
	note_hooks "hook/$AT_ONCE at once" prepare
	started=$(now_ms)
	make_taps "$1" "$2"
	wait_for 300 ports_are $(($1 + $2)) || die "taps are not closed"
	figure port/close "from tap to default-deny" "ms per port" lower
	note port/close "from tap to default-deny" \
		"$(awk -v t=$(($(now_ms) - started)) -v n="$2" 'BEGIN { print t / n }')"
	hooks -p "$2" "$BUILD/vmseg-hook" start "${files[@]}"
	note_hooks "hook/$AT_ONCE at once" start
}

stop_burst() {
	mapfile -t files < <(xml_files "$1" "$2")
	drop_taps "$1" "$2"
	hooks -p "$2" "$BUILD/vmseg-hook" stopped "${files[@]}"
	note_hooks "hook/$AT_ONCE at once" stopped
}

start_ports() {
	local first
	for ((first = 0; first < PORTS; first += AT_ONCE)); do
		start_burst $first $AT_ONCE
		[ $((first + AT_ONCE)) -ne 100 ] || note_daemon "100 ports"
	done
	wait_for 60 ports_are "$PORTS" || die "$PORTS ports should be filtered"
	say "$PORTS ports filtered, $AT_ONCE started at once"
}

# UDP from every port to as many peers; prints frames and seconds.
fill_sessions() {
	local i
	for ((i = 0; i < PORTS; i++)); do
		"$BENCH_TOOLS/tap_load" "vnet$i" "$(mac_of $i)" "$(address_of $i)" \
			02:00:00:00:00:01 10.9.0.1 53 "$1" "$1"
	done | awk '{ frames += $1; seconds += $3 } END { print frames, seconds }'
}

sessions_counted() {
	scrape "$LAB/metrics"
	[ "$(awk '/^vmseg_sessions\{/ { sum += $NF } END { print sum + 0 }' "$LAB/metrics")" = "$1" ]
}

# More sessions than the daemon tells in one answer: each once, and no more than asked for.
check_listing() {
	vmseg sessions vm0 --limit 100000 --json |
		jq '[(.sessions | length), (.sessions | unique_by([.remote, .local_port]) | length),
			.truncated] == [$per_port, $per_port, false]' --argjson per_port $PER_PORT \
			--exit-status >/dev/null || die "vmseg sessions should list $PER_PORT sessions"
	vmseg sessions vm0 --limit 1200 --json |
		jq --exit-status '[(.sessions | length), .truncated] == [1200, true]' >/dev/null ||
		die "vmseg sessions --limit 1200 should list so many, and say that there are more"
}

measure_sessions() {
	local before frames cpu
	before=$(kernel_memory)
	read -r frames cpu < <(fill_sessions $PER_PORT)
	figure session/memory "over $PORTS ports" "bytes each" lower
	note session/memory "over $PORTS ports" \
		$((($(kernel_memory) - before) * 1024 / (PER_PORT * PORTS)))
	figure session/insert "over $PORTS ports" "ns of CPU per packet" lower
	note session/insert "over $PORTS ports" \
		"$(awk -v n="$frames" -v s="$cpu" 'BEGIN { printf "%.0f", s * 1e9 / n }')"
	wait_for 60 sessions_counted $((PER_PORT * PORTS)) ||
		die "$((PER_PORT * PORTS)) sessions should be there"
	check_listing
	figure session/sweep "$((PER_PORT * PORTS)) live sessions" "% of a core" lower
	note session/sweep "$((PER_PORT * PORTS)) live sessions" "$(cpu_over 10)"
	say "$((PER_PORT * PORTS)) sessions, swept"
}

measure_hooks() {
	hooks -n "$REQUESTS" -i 5 "$BUILD/vmseg-hook" prepare "$(xml_of 0)"
	note_hooks hook/latency "$1"
}

measure_reload() {
	local i started
	figure reload "policy of $PORTS ports" ms lower
	for ((i = 1; i <= ROUNDS; i++)); do
		write_web $((10 + i))
		started=$(now_ms)
		vmseg reload >"$LAB/reload"
		note reload "policy of $PORTS ports" $(($(now_ms) - started))
		grep -q "^$PORTS domains updated" "$LAB/reload" || die "reload: $(<"$LAB/reload")"
	done
	hooks_during "during reloads" vmseg reload
	say "the policy of $PORTS ports reloaded"
}

# What a policy would cut of all the sessions: it allows none, and so all of them.
measure_diff() {
	local i started sessions=$((PER_PORT * PORTS))
	figure diff "$sessions sessions judged" ms lower
	echo '<policy xmlns="urn:vmseg:1" name="web"><default in="deny" out="deny"/></policy>' \
		>"$LAB/draft"
	for ((i = 1; i <= ROUNDS; i++)); do
		started=$(now_ms)
		vmseg policy diff --json "$LAB/draft" >"$LAB/diff"
		note diff "$sessions sessions judged" $(($(now_ms) - started))
		jq --exit-status --argjson sessions "$sessions" --argjson ports "$PORTS" \
			'[.cut, (.ports | length), ([.ports[].denied] | add)] ==
			 [$sessions, $ports, $sessions]' "$LAB/diff" >/dev/null ||
			die "all $sessions sessions of $PORTS ports would be cut"
	done
	hooks_during "during policy diffs" vmseg policy diff "$LAB/draft"
	say "a policy compared with what $sessions sessions go by"
}

measure_restart() {
	local i started
	figure restart "$PORTS ports, $((PER_PORT * PORTS)) sessions" ms lower
	for ((i = 1; i <= ROUNDS; i++)); do
		stop_hostd
		started=$(now_ms)
		start_hostd
		note restart "$PORTS ports, $((PER_PORT * PORTS)) sessions" $(($(now_ms) - started))
		ports_are "$PORTS" || die "after a restart $PORTS ports should be filtered"
	done
	wait_for 60 sessions_counted $((PER_PORT * PORTS)) ||
		die "after a restart $((PER_PORT * PORTS)) sessions should be there"
	say "restarted with all ports and sessions"
}

# Beyond the limit: counted, and what is there stays.
measure_limit() {
	local limit=$((PER_PORT + PER_PORT / 10)) frames cpu counted
	read -r frames _ cpu < <("$BENCH_TOOLS/tap_load" -f $PER_PORT vnet0 "$(mac_of 0)" \
		"$(address_of 0)" 02:00:00:00:00:01 10.9.0.1 53 $limit $limit)
	counted=$(counter vm0 out session-limit)
	[ "$counted" -eq $((frames - (limit - PER_PORT))) ] ||
		die "$counted frames were beyond the limit, not $((frames - (limit - PER_PORT)))"
	figure session/beyond-limit "$limit sessions" "ns of CPU per packet" lower
	note session/beyond-limit "$limit sessions" \
		"$(awk -v n="$frames" -v s="$cpu" 'BEGIN { printf "%.0f", s * 1e9 / n }')"
}

# ---- a group ---------------------------------------------------------------------------------

# lets_in NUMBER pass|drop: what the port would do with a packet from member 0.
lets_in() {
	[ "$(vmseg explain "vm$1" in tcp 10.2.0.5 :81 --json | jq -r .verdict)" = "$2" ]
}

# all_let_in pass|drop: a sample of the ports.
all_let_in() {
	local i
	for ((i = 0; i < PORTS; i += PORTS / 20)); do
		lets_in $i "$1" || return 1
	done
}

# member_changes OPERATION pass|drop CASE
member_changes() {
	hooks "$BUILD/vmseg-hook" "$1" "$LAB/xml/member0.xml"
	note_hooks "group/of $GROUP_MEMBERS, in the rules of $PORTS ports" "$3, its hook"
	wait_for 60 all_let_in "$2" || die "a group has changed, and not all ports have"
}

# A domain with ten addresses comes to a group that every port's rules mention, or leaves it.
measure_group() {
	local members=$((GROUP_MEMBERS / 10)) i j started
	write_web 10 '<rule direction="in" action="allow"><remote group="peers"/><tcp port="81"/></rule>'
	for ((i = 0; i < members; i++)); do
		{
			printf "<domain type='kvm'><name>member%d</name><uuid>%s</uuid><metadata>" $i \
				"$(uuid_of $((100000 + i)))"
			printf "<vmseg:domain xmlns:vmseg='urn:vmseg:1'><vmseg:group name='peers'/>"
			printf "<vmseg:interface mac='52:54:00:01:%02x:%02x'>" $((i / 256)) $((i % 256))
			for ((j = 0; j < 10; j++)); do
				printf "<vmseg:address ip='10.2.%d.%d'/>" $i $j
			done
			printf "</vmseg:interface></vmseg:domain></metadata><devices>"
			printf "<interface type='bridge'><mac address='52:54:00:01:%02x:%02x'/>" \
				$((i / 256)) $((i % 256))
			printf "<target dev='member%d'/></interface></devices></domain>" $i
		} >"$LAB/xml/member$i.xml"
		printf 'tuntap add member%d mode tap\n' $i
	done | ip -batch -
	started=$(now_ms)
	mapfile -t files < <(seq -f "$LAB/xml/member%.0f.xml" 0 $((members - 1)))
	hooks "$BUILD/vmseg-hook" start "${files[@]}"
	say "a group of $GROUP_MEMBERS addresses, in $(($(now_ms) - started)) ms"
	vmseg reload >"$LAB/reload"
	for ((i = 1; i <= ROUNDS; i++)); do
		member_changes stopped drop "one leaves"
		member_changes start pass "one comes"
	done
	say "members left and came"
}

# ---- rules -----------------------------------------------------------------------------------

# Read, compiled, loaded and swapped into the ports that are left, AT_ONCE of them.
measure_rules() {
	local rules i started
	for rules in 10 100 1000 10000; do
		figure rules/swap "$rules rules" ms lower
		for ((i = 1; i <= ROUNDS; i++)); do
			write_web $((rules + i))
			started=$(now_ms)
			vmseg reload >"$LAB/reload"
			note rules/swap "$rules rules" $(($(now_ms) - started))
		done
	done
	say "policies of 10 to 10,000 rules swapped"
}

# ---- the whole -------------------------------------------------------------------------------

mkdir -p /etc/vmseg/policies "$LAB/xml"
write_web 10
for ((i = 0; i < PORTS; i++)); do
	describe $i "<vmseg:policy ref='web'/>" >"$(xml_of $i)"
done
# libvirt's own test driver: with a libvirt that is watched, taps are closed when they appear.
start_hostd "libvirt-uri = test:///default" "log-level = warning" "metrics-listen = $METRICS" \
	"timeout-unreplied = 3600" "log-events = off"
wait_for 20 libvirt_connected || die "the daemon does not watch libvirt's test driver"

note_daemon "no port"
start_ports
note_daemon "$PORTS ports"
measure_hooks "idle, $PORTS ports"
measure_sessions
measure_hooks "idle, $((PER_PORT * PORTS)) sessions swept"
hooks_during "during scrapes" scrape
hooks_during "during vmseg list" vmseg list
say "hooks asked beside sweeps, scrapes and lists"
measure_reload
measure_diff
measure_restart
measure_group
measure_limit
for ((first = AT_ONCE; first < PORTS; first += AT_ONCE)); do
	stop_burst $first $AT_ONCE
done
[ "$PORTS" -gt $AT_ONCE ] || stop_burst 1 $((PORTS - 1))
say "stopped"
measure_rules
write_figures

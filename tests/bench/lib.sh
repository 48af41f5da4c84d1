# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lib.sh: what the parts of the benchmark suite share. A part measures cases by turns, note()s each
# value and ends with write_figures: one JSON object a line into RESULTS, all of a case's values in
# the order of the rounds, so that values of one round can be divided by each other.
#
#   ROUNDS   how often each case is measured
#   SHORT=1  only what shows that all of it works: no figure means anything

# shellcheck disable=SC2034 # for those who source this file
BENCH_TOOLS=$BUILD/tests/bench/tools
SHORT=${SHORT:-}
RESULTS=${RESULTS:-$BUILD/bench/results.jsonl}

bench_started=$SECONDS
declare -A figure_values=() figure_heads=()
figure_order=()

# say TEXT: progress.
say() {
	printf '%4d s  %s\n' $((SECONDS - bench_started)) "$*"
}

# figure GROUP CASE UNIT lower|higher [BASE]: announces a figure; "lower" is better, or "higher".
# BASE is the case of the same group that it is compared with.
figure() {
	local key="$1|$2"
	[ -z "${figure_heads[$key]:-}" ] || return 0
	figure_heads[$key]="$3|$4|${5:-}"
	figure_order+=("$key")
}

# note GROUP CASE VALUE...: further values of a figure.
note() {
	local key="$1|$2"
	shift 2
	figure_values[$key]+=" $*"
}

write_figures() {
	local key unit better base values
	mkdir -p "$(dirname "$RESULTS")"
	for key in "${figure_order[@]}"; do
		IFS='|' read -r unit better base <<<"${figure_heads[$key]}"
		read -ra values <<<"${figure_values[$key]:-}"
		[ ${#values[@]} -gt 0 ] || continue
		jq --null-input --compact-output --arg group "${key%|*}" --arg case "${key#*|}" \
			--arg unit "$unit" --arg better "$better" --arg base "$base" \
			--arg command "${BENCH_COMMAND:-make bench}" \
			'{$group, $case, $unit, $better, base: (if $base == "" then null else $base end),
			  $command, values: ($ARGS.positional | map(tonumber))}' \
			--args "${values[@]}" >>"$RESULTS"
	done
}

# start_method_daemon METHOD [SETTING...]: a daemon that attaches by TCX or by clsact, beside that of
# the other method; its configuration is /etc/vmseg/METHOD.conf, its process ${method_pid[METHOD]}.
declare -A method_pid=()
start_method_daemon() {
	local method=$1
	shift
	mkdir -p /etc/vmseg "/run/vmseg-$method"
	printf '%s\n' "attach = $method" "log-level = warning" "run-directory = /run/vmseg-$method" \
		"bpffs = /sys/fs/bpf/vmseg-$method" "$@" >"/etc/vmseg/$method.conf"
	"$BUILD/vmseg-hostd" --config "/etc/vmseg/$method.conf" >>"$LAB/hostd.log" 2>&1 &
	method_pid[$method]=$!
	wait_for 20 vmseg_of "$method" status || die "vmseg-hostd does not answer: see $LAB/hostd.log"
}

# vmseg_of METHOD ARGUMENT...: asks that daemon.
vmseg_of() {
	VMSEG_SOCKET=/run/vmseg-$1/control.sock "$BUILD/vmseg" "${@:2}"
}

now_ms() {
	printf '%d' $((${EPOCHREALTIME/./} / 1000))
}

# busy_ticks: time that all CPUs together have been at work, in ticks of 10 ms.
busy_ticks() {
	awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat
}

# percentile P: of the numbers on standard input, one a line.
percentile() {
	sort -n | awk -v p="$1" '{ value[NR] = $1 }
		END { i = int(NR * p / 100 + 0.999999); print value[i < 1 ? 1 : i] }'
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark suite: runs its parts one after the other and collects what they measure in
# RESULTS (BUILD/bench/results.jsonl), one figure a line (lib.sh); report.py reads that.
#
#   ONLY="packet devices"   some parts: primitives packet compile devices scale starts
#   ROUNDS=9                more rounds of what is measured by turns (5)
#   SHORT=1                 everything once and small: a test that the suite works
#   ZFW=DIR                 devices: a build of zfw as one more peer, some minutes more (zfw.sh)

set -euo pipefail
here=$(dirname "$(realpath "$0")")
BUILD=${BUILD:-$(realpath "$here/../../build")}
export BUILD RESULTS=${RESULTS:-$BUILD/bench/results.jsonl}
PARTS=${ONLY:-primitives packet compile devices starts scale}
TURNS=${SHORT:+1}
TURNS=${TURNS:-${ROUNDS:-5}}
export BENCH_COMMAND

say() {
	printf '%4d s  %s\n' "$SECONDS" "$*"
}

# What was measured, on what: the first line of the results.
describe_machine() {
	local model
	model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
	jq --null-input --compact-output --arg cpu "${model:-$(uname -m)}" --arg cpus "$(nproc)" \
		--arg kernel "$(uname -r)" --arg commit "$(git -C "$here" rev-parse --short HEAD)" \
		--arg date "$(date -u +%F)" \
		--arg memory "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)" \
		'{machine: {$cpu, $cpus, $memory, $kernel}, $commit, $date}'
}

# take_turns GROUP UNIT PROGRAM: whole runs of bench_packet or bench_primitives, shown and recorded: a
# case is over within a tenth of a second, and who shares the machine may be busy just then. A value is
# the median of a run; a line of its table is a name, what an empty program costs, the whole, and the
# least, median and most over the empty.
take_turns() {
	local turn
	for ((turn = 0; turn < TURNS; turn++)); do
		unshare --net "$3"
	done | tee /dev/stderr | awk -v group="$1" -v unit="$2" -v command="$BENCH_COMMAND" '
		$NF ~ /^[0-9.-]+$/ {
			name = $1
			for (i = 2; i <= NF - 5; i++)
				name = name " " $i
			if (!(name in values))
				names[++cases] = name
			comma = name in values ? "," : ""
			floors[name] = floors[name] comma $(NF - 4)
			values[name] = values[name] comma $(NF - 1)
		}
		END {
			for (i = 1; i <= cases; i++)
				printf "{\"group\":\"%s\",\"case\":\"%s\",\"unit\":\"%s\"," \
					"\"better\":\"lower\",\"base\":null,\"command\":\"%s\"," \
					"\"floors\":[%s],\"values\":[%s]}\n", group, names[i], unit, \
					command, floors[names[i]], values[names[i]]
		}' >>"$RESULTS"
}

run_primitives() { take_turns primitive ns "$BUILD/tests/bench/bench_primitives"; }

run_packet() {
	FLOWS=${SHORT:+1000} take_turns packet "ns per packet" "$BUILD/tests/bench/bench_packet"
}

run_compile() {
	"$BUILD/tests/bench/bench_compile" | tee /dev/stderr | awk -v command="$BENCH_COMMAND" '
		NR > 1 {
			head = "{\"group\":\"compile/%s\",\"case\":\"%s rules, %s services, %s\"," \
				"\"unit\":\"%s\",\"better\":\"lower\",\"base\":null," \
				"\"command\":\"%s\",\"values\":[%s]}\n"
			printf head, "time", $1, $2, $3, "ms", command, $4 * 1000
			printf head, "image", $1, $2, $3, "MiB", command, $5
		}' >>"$RESULTS"
}

run_devices() {
	[ -z "${ZFW:-}" ] || BENCH_COMMAND+=" ZFW=DIR"
	"$here/devices.sh"
}
run_scale() { "$here/scale.sh"; }
run_starts() { "$here/starts.sh"; }

[ "$(id -u)" -eq 0 ] || {
	echo "network namespaces and BPF need root" >&2
	exit 1
}
mkdir -p "$(dirname "$RESULTS")"
describe_machine >"$RESULTS"
for part in $PARTS; do
	declare -F "run_$part" >/dev/null || {
		echo "there is no part \"$part\": expected primitives, packet, compile, devices," \
			"scale or starts" >&2
		exit 1
	}
	say "$part"
	BENCH_COMMAND="make bench ONLY=$part"
	"run_$part"
done
say "done: $RESULTS"

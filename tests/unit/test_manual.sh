#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The manual against the programs: what one has the other has, and every example is accepted.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

BUILD=${BUILD:-build}
MAN=docs/man
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VMSEG_SCHEMA=$PWD/build/vmseg.rng

# check_same DESCRIPTION LIST LIST: no line is in one of them only.
check_same() {
	local difference
	difference=$(diff --label expected --label found -u0 <(echo "$2") <(echo "$3")) || true
	report "$([ -z "$difference" ]; echo $?)" "$1" "$difference"
}

# section PAGE NAME: the lines of a .Sh section.
section() {
	awk -v "name=$2" '/^\.Sh / { inside = substr($0, 5) == name; next } inside' "$MAN/$1"
}

# The names in the command list of `vmseg help`: the first column, without arguments.
list_commands() {
	"$BUILD/vmseg" help | awk '
		/^  -/ { exit }
		/^  [a-z]/ {
			name = substr($0, 3, 24)
			sub(/ \[?[A-Z].*/, "", name)
			sub(/ *$/, "", name)
			print name
		}' | sort
}

documented_commands() {
	section vmseg.8 COMMANDS | sed -n 's/^\.Ss //p' | sort
}

# list_options PROGRAM [COMMAND]: the long options in the help, those of the command only.
list_options() {
	# shellcheck disable=SC2086 # a command may have two words
	"$BUILD/$1" ${2:-} --help | sed -n '/^Options of all/q; s/^  \(--[a-z-]*\).*/\1/p' | sort
}

general_options() {
	"$BUILD/vmseg" --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort
}

# command_section COMMAND: its part of vmseg.8.
command_section() {
	section vmseg.8 COMMANDS |
		awk -v "name=$1" '/^\.Ss / { inside = substr($0, 5) == name; next } inside'
}

# documented_list COMMAND: the options that its part describes.
documented_list() {
	command_section "$1" | sed -n 's/^\.It Fl Fl \([a-z-]*\).*/--\1/p' | sort
}

# documented_usage COMMAND: the options that its synopsis has, and --json.
documented_usage() {
	command_section "$1" | sed '/^\.Pp/q' | sed -n 's/^\.\(Op \)\{0,1\}Fl Fl \([a-z-]*\).*/--\2/p' | sort
}

# documented_options PAGE: what .Fl Fl makes long options of.
documented_options() {
	grep -oE '\<Fl Fl [a-z-]+' "$MAN/$1" | sed 's/Fl Fl /--/' | sort -u
}

list_settings() {
	sed -n 's/^#\([a-z-]* = .*\)/\1/p' "$BUILD/hostd.conf" | sort
}

documented_settings() {
	sed -n 's/^\.It Cm \([a-z-]* = .*\)/\1/p' "$MAN/vmseg-hostd.conf.5" | sort
}

list_metrics() {
	grep -oE '"vmseg_[a-z_]*["{]' hostd/observe/metrics.c | tr -d '"{' | sort -u
}

documented_metrics() {
	section vmseg-hostd.8 METRICS | sed -n 's/^\.It Ic //p' | sort
}

# But for those of guards and limits, which vmseg-policy.5 has (test_lists.sh).
list_reasons() {
	local limits
	limits=$(sed -n 's/^LIMIT(.*, \([A-Z_]*\))$/REASON(\1,/p' bpf/limits.def)
	grep -vF "$limits" bpf/reasons.def |
		sed -n 's/^REASON([A-Z_]*, "\([a-z-]*\)", \(PASS\|DROP\), .*/\2 \1/p'
}

documented_reasons() {
	section vmseg.8 REASONS | awk '
		/^Why packets have passed/ { verdict = "PASS" }
		/^Why packets were dropped/ { verdict = "DROP" }
		/^\.It Cm / { print verdict, $3 }'
}

# icmp_names PROTOCOL TITLE
list_icmp_names() {
	sed -n "s/^\t{IPPROTO_$1, [0-9]*, \"\\(.*\\)\"},/\\1/p" hostd/policy/icmp.c | sort
}

documented_icmp_names() {
	section vmseg-policy.5 RULES |
		awk -v "title=Names of $1 types:" '$0 == title { inside = 1; next } !/^\.Cm / { inside = 0 } inside { print $2 }' |
		sort
}

# references_exist: every page of vmseg's that a page refers to is there.
references_exist() {
	local name number
	while read -r name number; do
		[ -e "$MAN/$name.$number" ] || { echo "there is no $name($number)"; return 1; }
	done < <(grep -ohE '^\.Xr vmseg[a-z.-]* [1-9]' "$MAN"/*.[158] | sed 's/^\.Xr //' | sort -u)
}

# ---- examples ------------------------------------------------------------------------------

# The literal displays of the language's page and README's blocks, each after a line with a \f.
all_displays() {
	awk '/^\.Bd -literal/ { print "\f"; inside = 1; next } /^\.Ed/ { inside = 0 } inside' \
		"$MAN/vmseg-policy.5" | sed 's/\\e/\\/g'
	awk '/^```./ { print "\f"; inside = 1; next } /^```/ { inside = 0 } inside' README.md
}

# Writes every example to a file of its own: policies and sets as the daemon wants them to be
# called, what stands in a domain's metadata as domain-N.xml.
write_examples() {
	mkdir "$work/policies" "$work/domains"
	all_displays | awk -v "work=$work" '
		/^\f/ { file = ""; next }
		file == "" && match($0, /^<(policy|set) xmlns="[^"]*" name="[^"]*"/) {
			name = substr($0, 1, RLENGTH)
			gsub(/.* name="|"/, "", name)
			file = work "/policies/" name ".xml"
			if (file in seen)
				print "the examples have two policies " name > "/dev/stderr"
			seen[file] = 1
		}
		file == "" && /^(<metadata>|<domain)/ { file = work "/domains/" ++count ".xml" }
		# As an argument of virsh metadata --set, where libvirt adds the namespace.
		match($0, /'\''<domain.*>'\''/) {
			text = substr($0, RSTART + 1, RLENGTH - 2)
			sub(/<domain/, "<domain xmlns=\"urn:vmseg:1\"", text)
			print text > (work "/domains/" ++count ".xml")
			next
		}
		file != "" && !/^<\/?metadata>/ { print > file }'
	# The file that the examples name.
	cp policies/rfc1918.xml "$work/policies/"
}

# Policies that examples of domains refer to and that nobody has.
missing_references() {
	local name
	while read -r name; do
		[ -e "$work/policies/$name.xml" ] || [ -e "policies/$name.xml" ] || echo "$name"
	done < <(grep -ohE 'ref="[^"]*"' "$work"/domains/*.xml | sed 's/ref="\(.*\)"/\1/')
}

# first_step TARGET: the first command that make runs for it.
first_step() {
	env -u MAKEFLAGS -u MAKELEVEL make --dry-run "$1" 2>/dev/null | awk '{ print; exit }' || true
}

for page in "$MAN"/*.[158]; do
	check "${page##*/} is well formed" mandoc -T lint -W warning "$page"
done
check "pages refer to pages that are there" references_exist

check_same "vmseg.8 has the commands of vmseg help" "$(list_commands)" "$(documented_commands)"
check_same "and the options of all" "$(general_options)" \
	"$(section vmseg.8 OPTIONS | sed -n 's/^\.It Fl Fl \([a-z-]*\).*/--\1/p' | sort)"
while read -r command; do
	options=$(list_options vmseg "$command")
	check_same "$command: the options of its help are described" "$options" "$(documented_list "$command")"
	# "detach --all" stands alone.
	check_same "$command: the synopsis has them" "$({ echo "${options/--all/}"; echo --json; } | sed '/^$/d' | sort)" \
		"$(documented_usage "$command")"
done < <(list_commands)
check_same "vmseg-hostd.8 has the daemon's options" \
	"$(list_options vmseg-hostd)" "$(documented_options vmseg-hostd.8)"
check_same "vmseg-hostd.conf.5 has the settings of hostd.conf and their defaults" \
	"$(list_settings)" "$(documented_settings)"
check_same "vmseg-hostd.8 has every metric" "$(list_metrics)" "$(documented_metrics)"
check_same "vmseg.8 has every reason that is no guard's or limit's, in order" "$(list_reasons | sort -s -r -k 1,1)" \
	"$(documented_reasons)"
check_same "vmseg-policy.5 names the ICMP types" \
	"$(list_icmp_names ICMP)" "$(documented_icmp_names ICMP)"
check_same "and those of ICMPv6" "$(list_icmp_names ICMPV6)" "$(documented_icmp_names ICMPv6)"

check_equal "every example can be told from the others" "" "$(write_examples 2>&1)"
check_equal "none is passed over" \
	"$(cat "$MAN/vmseg-policy.5" README.md | grep -cE '^<(policy|set|domain|metadata)|'\''<domain')" \
	"$(find "$work/policies" "$work/domains" -name '*.xml' ! -name rfc1918.xml | wc -l)"
for file in "$work"/policies/*.xml; do
	check "example ${file##*/} is accepted" "$BUILD/vmseg" policy check "$file"
done
check "examples of metadata follow the schema" jing build/vmseg.rng "$work"/domains/*.xml
check_equal "and refer to policies that are shown or shipped" "" "$(missing_references)"

for target in demo check; do
	check_equal "README: make $target installs what it needs" scripts/deps.sh "$(first_step $target)"
done

done_testing

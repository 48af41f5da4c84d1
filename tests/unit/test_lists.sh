#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each guard of bpf/guards.def and each limit of bpf/limits.def is in the manual and in the model of
# tests/model, and the schema and the parser accept what its row says, and nothing else. That each
# reason is met is tested by tests/bpf/test_reasons.sh.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VMSEG_SCHEMA=$PWD/build/vmseg.rng

guards() {
	scripts/list-rows.sh guards identifier attribute acts idle
}

limits() {
	scripts/list-rows.sh limits identifier attribute least most
}

reasons_of_limits() {
	scripts/list-rows.sh limits attribute reason
}

# identifier_of ATTRIBUTE
identifier_of() {
	tr 'a-z-' 'A-Z_' <<<"$1"
}

# case_file ELEMENT ATTRIBUTE VALUE
case_file() {
	echo "$work/$1-$2-$3.xml"
}

# write_cases ELEMENT ATTRIBUTE VALUE...: a policy for each value.
write_cases() {
	local element=$1 attribute=$2 value
	for value in "${@:3}"; do
		printf '<policy xmlns="urn:vmseg:1" name="%s"><%s %s="%s"/></policy>\n' \
			"$element-$attribute-$value" "$element" "$attribute" "$value" \
			>"$(case_file "$element" "$attribute" "$value")"
	done
}

# The parser's own look at the schema must not hide what the schema alone says.
schema_accepts() {
	! grep -qF "$(case_file "$@"):" "$work/jing.out"
}

parser_accepts() {
	"$BUILD/vmseg" policy check "$(case_file "$@")"
}

accepts() {
	schema_accepts "$@" && parser_accepts "$@"
}

refuses() {
	! schema_accepts "$@" && ! parser_accepts "$@" >/dev/null 2>&1
}

# is_documented ATTRIBUTE: an item of vmseg-policy.5.
is_documented() {
	grep -qE "^\.It Cm $1 Ns = Ns Qq " docs/man/vmseg-policy.5
}

# is_modelled IDENTIFIER: the model names it.
is_modelled() {
	grep -qwE "$1" tests/model/*.c
}

while read -r _ attribute acts idle; do
	write_cases guards "$attribute" "$acts" "$idle" strange
done < <(guards)
while read -r _ attribute least most; do
	write_cases limits "$attribute" $((least - 1)) "$least" "$most" $((most + 1))
done < <(limits)
jing build/vmseg.rng "$work"/*.xml >"$work/jing.out" || true
check_contains "the schema is used" ":1:" "$(cat "$work/jing.out")"

check "guards are found" [ "$(guards | wc -l)" -ge 9 ]
while read -r identifier attribute acts idle; do
	check_equal "$attribute: the identifier is the attribute's" "$(identifier_of "$attribute")" \
		"$identifier"
	check "$attribute is documented" is_documented "$attribute"
	check "$attribute: and so are its words" \
		grep -qE "^\.It Cm $attribute Ns = .*\<$acts\>" docs/man/vmseg-policy.5
	check "$attribute is in the model" is_modelled "GUARD_$identifier"
	check "$attribute may be $acts" accepts guards "$attribute" "$acts"
	check "$attribute may be $idle" accepts guards "$attribute" "$idle"
	check "$attribute may not be strange" refuses guards "$attribute" strange
done < <(guards)

check "limits are found" [ "$(limits | wc -l)" -ge 5 ]
while read -r identifier attribute least most; do
	check_equal "$attribute: the identifier is the attribute's" "$(identifier_of "$attribute")" \
		"$identifier"
	check "$attribute is documented" is_documented "$attribute"
	check "$attribute is in the model" is_modelled "LIMIT_$identifier"
	check "$attribute may be $least" accepts limits "$attribute" "$least"
	check "$attribute may be $most" accepts limits "$attribute" "$most"
	check "$attribute may not be less" refuses limits "$attribute" $((least - 1))
	check "$attribute may not be more" refuses limits "$attribute" $((most + 1))
done < <(limits)

while read -r attribute reason; do
	name=$(sed -n "s/^REASON($reason, \"\([^\"]*\)\".*/\1/p" bpf/reasons.def)
	check "$attribute: reason $name is in the manual" grep -qw -- "reason Cm $name" docs/man/vmseg-policy.5
done < <(reasons_of_limits)
done_testing

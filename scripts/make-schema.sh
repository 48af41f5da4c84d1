#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make-schema.sh TEMPLATE: prints the schema, RELAX NG in XML (*.rng.in) or in its compact form
# (*.rnc.in). The attributes of <guards> and <limits> come from bpf/guards.def and bpf/limits.def;
# they stand in the place of @GUARDS@ and @LIMITS@.

set -euo pipefail
template=$(realpath "$1")
cd "$(dirname "$(realpath "$0")")/.."

list_guards() {
	scripts/list-rows.sh guards attribute acts idle
}

list_limits() {
	scripts/list-rows.sh limits attribute least most
}

# ---- the compact form ----------------------------------------------------------------------

# attributes_rnc: of lines "NAME TYPE".
attributes_rnc() {
	sed -E 's/^([^ ]*) (.*)/    attribute \1 { \2 }?/; $!s/$/,/'
}

# The value of "vlan" may also be a list of ids.
guards_rnc() {
	list_guards | while read -r attribute acts idle; do
		[ "$attribute" = vlan ] && type=vlans || type="string \"$acts\" | string \"$idle\""
		echo "$attribute $type"
	done | attributes_rnc
}

limits_rnc() {
	list_limits | while read -r attribute least most; do
		echo "$attribute xsd:unsignedInt { pattern = \"0|[1-9][0-9]*\"" \
			"minInclusive = \"$least\" maxInclusive = \"$most\" }"
	done | attributes_rnc
}

# ---- XML -----------------------------------------------------------------------------------

# attribute_rng NAME: with the type on standard input.
attribute_rng() {
	printf '      <optional>\n        <attribute name="%s">\n' "$1"
	sed 's/^/          /'
	printf '        </attribute>\n      </optional>\n'
}

guards_rng() {
	list_guards | while read -r attribute acts idle; do
		if [ "$attribute" = vlan ]; then
			echo '<ref name="vlans"/>'
		else
			echo '<choice>'
			printf '  <value type="string" datatypeLibrary="">%s</value>\n' "$acts" "$idle"
			echo '</choice>'
		fi | attribute_rng "$attribute"
	done
}

limits_rng() {
	list_limits | while read -r attribute least most; do
		printf '%s\n' '<data type="unsignedInt">' \
			'  <param name="pattern">0|[1-9][0-9]*</param>' \
			"  <param name=\"minInclusive\">$least</param>" \
			"  <param name=\"maxInclusive\">$most</param>" \
			'</data>' | attribute_rng "$attribute"
	done
}

form=${template%.in}
form=${form##*.}
while IFS= read -r line; do
	case $line in
	@GUARDS@) "guards_$form" ;;
	@LIMITS@) "limits_$form" ;;
	*) printf '%s\n' "$line" ;;
	esac
done <"$template"

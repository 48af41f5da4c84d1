#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Folders of the product are layers: a file includes headers of its own folder and of lower layers.
# Within a folder no two files include each other, by whatever way round; x.c and x.h are one file.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/../harness/tap.sh"
cd "$here/../.."

# From the lowest to the highest. Folders of one line are one layer.
layers() {
	cat <<-END
		bpf
		hostd/base
		hostd/netlink
		hostd/policy
		hostd/policy/read
		hostd/policy/compile
		hostd/policy/write
		hostd/policy/check
		hostd/domain
		hostd/datapath/objects
		hostd/datapath/attachment
		hostd/datapath/ports
		hostd/datapath/queries
		hostd/datapath
		hostd/config
		hostd/enforce/plan
		hostd/enforce/inventory
		hostd/enforce/apply
		hostd/enforce/handlers
		hostd/change
		hostd/virt
		hostd/control
		hostd/observe
		hostd/daemon
		hostd
		hostd/ctl
		hooks/libvirt
	END
}

# "FILE HEADER" for each include of a header of the product's.
includes() {
	grep -rH --include='*.[ch]' '^#include "\(bpf\|hostd\|hooks\)/' bpf hostd hooks |
		sed 's/:#include "\([^"]*\)".*/ \1/'
}

# Includes of a header of a higher layer, or in a folder that has no layer.
upward() {
	awk 'function folder(path) { sub("/[^/]*$", "", path); return path }
		NR == FNR { for (i = 1; i <= NF; i++) layer[$i] = NR; next }
		!(folder($1) in layer) || !(folder($2) in layer) || layer[folder($1)] < layer[folder($2)]' \
		<(layers) <(includes)
}

# Files that include each other.
circles() {
	includes | sed 's/\.[ch] / /; s/\.[ch]$//' | sort |
		tsort 2>&1 >/dev/null | sed -n 's/^tsort: \([^ ]*\)$/\1/p' | sort -u
}

double_names() {
	git ls-files bpf hostd hooks | sed 's|.*/||' | sort | uniq -d
}

check "includes are found" [ "$(includes | wc -l)" -gt 300 ]
check_equal "no include goes up" "" "$(upward)"
check_equal "no files include each other" "" "$(circles)"
check_equal "file names are unique" "" "$(double_names)"
done_testing

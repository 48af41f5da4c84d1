#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A bpftool that runs is found, also where the one in PATH is Ubuntu's wrapper. Works in a mount
# namespace of its own.

set -euo pipefail
here=$(dirname "$(realpath "$0")")
TOP=$(realpath "$here/../..")
. "$here/../harness/tap.sh"
. "$here/../harness/own_root.sh"

if [ "${1:-}" != inside ]; then
	exec_in_own_root unshare --mount --propagation private bash "$0" inside
fi

find_bpftool() {
	"$TOP/scripts/find-bpftool.sh" 2>&1
}

real=$(realpath "$(find_bpftool)")
check "one is found" test -x "$real"

# As linux-tools-common has it: a script that calls what was made for the running kernel, or complains.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cp "$real" "$stage/bpftool"
cat >"$stage/wrapper" <<'END'
#!/bin/bash
echo "WARNING: bpftool not found for kernel 6.8.0-99" >&2
exit 2
END
chmod +x "$stage/wrapper"
mount --bind "$stage/wrapper" "$real"
hash -r
export LINUX_TOOLS=$stage/linux-tools
check_contains "Ubuntu's wrapper is not taken for one" "no bpftool found that runs" "$(find_bpftool)"
for version in 6.8.0-9 6.8.0-31; do
	mkdir -p "$LINUX_TOOLS/$version-generic"
	cp "$stage/bpftool" "$LINUX_TOOLS/$version-generic/bpftool"
done
check_equal "the newest kernel's is" "$LINUX_TOOLS/6.8.0-31-generic/bpftool" "$(find_bpftool)"
cp "$stage/wrapper" "$LINUX_TOOLS/6.8.0-31-generic/bpftool"
check_equal "unless it does not run" "$LINUX_TOOLS/6.8.0-9-generic/bpftool" "$(find_bpftool)"
umount "$real"
done_testing

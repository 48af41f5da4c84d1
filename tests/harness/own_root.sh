# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# own_root.sh: tests make mount namespaces, which needs a root that is a mount point. In a chroot to a
# plain directory it is none.

root_is_mount() {
	mountpoint -q /
}

# exec_in_own_root COMMAND...: becomes the command, with a root that is a mount point.
exec_in_own_root() {
	local tool=${BUILD:-build}/tests/tools/own_root
	root_is_mount && exec "$@"
	[ -x "$tool" ] || {
		echo "$tool is missing: / is no mount point, and that makes it one; run make tests" >&2
		exit 1
	}
	exec "$tool" "$@"
}

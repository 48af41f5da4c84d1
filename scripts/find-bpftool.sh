#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# find-bpftool.sh: prints the path of a bpftool that runs. Debian installs it in /usr/sbin, which is not in
# every user's PATH. Ubuntu's /usr/sbin/bpftool only calls the bpftool of the running kernel, which a
# container or a machine with another kernel does not have. The bpftool of another kernel also works; they
# are in LINUX_TOOLS (/usr/lib/linux-tools).

for tool in "$(command -v bpftool)" /usr/sbin/bpftool \
	$(printf '%s\n' "${LINUX_TOOLS:-/usr/lib/linux-tools}"/*/bpftool | sort -rV); do
	if [ -n "$tool" ] && "$tool" version >/dev/null 2>&1; then
		printf '%s\n' "$tool"
		exit 0
	fi
done
echo "find-bpftool: no bpftool found that runs: install bpftool (Ubuntu: linux-tools-generic)" >&2
exit 1

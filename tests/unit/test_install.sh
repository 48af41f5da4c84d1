#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install and make uninstall: what goes where, what of the administrator's stays, and that what
# others read of it (systemd, the daemon) is what they expect.

set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/harness/tap.sh

BUILD=${BUILD:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# A make of its own, not a part of the one that runs the tests.
unset MAKEFLAGS MFLAGS MAKELEVEL
make_here() {
	local sanitize=0
	[ "${BUILD##*/}" != build-asan ] || sanitize=1
	make --no-print-directory "SANITIZE=$sanitize" "DESTDIR=$root" prefix=/usr sysconfdir=/etc "$@"
}

# "mode path" of every file below the root.
list_files() {
	(cd "$root" && find . -type f -printf '%m %P\n' | sort -k 2)
}

expected_files() {
	local file
	{
		printf '755 %s\n' usr/bin/vmseg usr/sbin/vmseg-hostd \
			etc/libvirt/hooks/{qemu,lxc}.d/vmseg
		printf '644 %s\n' etc/vmseg/hostd.conf \
			usr/lib/systemd/system/vmseg-hostd.service usr/lib/sysusers.d/vmseg.conf \
			usr/share/bash-completion/completions/vmseg \
			usr/share/zsh/vendor-completions/_vmseg usr/share/vmseg/vmseg.rn{c,g} \
			usr/share/man/man8/vmseg{,-hostd}.8 \
			usr/share/man/man5/vmseg-{hostd.conf,policy}.5
		for file in policies/*.xml; do
			printf '644 usr/share/vmseg/%s\n' "$file"
		done
	} | sort -k 2
}

# Every setting of the installed hostd.conf, with the default that its comment gives.
write_all_settings() {
	sed -n 's/^#\([a-z-]* = .*\)/\1/p' "$root/etc/vmseg/hostd.conf" >"$work/all.conf"
	[ -s "$work/all.conf" ]
}

check "make install succeeds" make_here install
check_equal "everything is where it belongs" "$(expected_files)" "$(list_files)"
check "there is a directory for policies" test -d "$root/etc/vmseg/policies"
check_equal "the hook is the same program for both drivers" \
	"$(cksum <"$root/etc/libvirt/hooks/qemu.d/vmseg")" \
	"$(cksum <"$root/etc/libvirt/hooks/lxc.d/vmseg")"
check_contains "the installed command runs" "vmseg " "$("$root/usr/bin/vmseg" --version)"
check_contains "the installed daemon runs" "vmseg-hostd " "$("$root/usr/sbin/vmseg-hostd" --version)"
check "the installed schema and policies belong together" env \
	"VMSEG_SCHEMA=$root/usr/share/vmseg/vmseg.rng" \
	"$root/usr/bin/vmseg" policy check "$root"/usr/share/vmseg/policies/*.xml
check "the installed settings are good" \
	"$root/usr/sbin/vmseg-hostd" --config "$root/etc/vmseg/hostd.conf" --check-config
check "they hold settings in comments" write_all_settings
check "and these are good, too" \
	"$root/usr/sbin/vmseg-hostd" --config "$work/all.conf" --check-config

unit=$root/usr/lib/systemd/system/vmseg-hostd.service
check_equal "the unit starts the installed daemon" "ExecStart=/usr/sbin/vmseg-hostd" \
	"$(grep ^ExecStart= "$unit")"
# systemd looks for the program, which is below the root.
sed "s|^ExecStart=|&$root|" "$unit" >"$work/vmseg-hostd.service"
check_equal "systemd has nothing to say about it" "" \
	"$(systemd-analyze verify --man=no "$work/vmseg-hostd.service" 2>&1 || echo failed)"
check "systemd makes the group" systemd-sysusers --root="$root" vmseg.conf
check "of that name" grep -q '^vmseg:' "$root/etc/group"
find "$root/etc" -maxdepth 1 -type f -delete

printf 'log-level = debug\n' >"$root/etc/vmseg/hostd.conf"
printf '<set xmlns="urn:vmseg:1" name="own"/>\n' >"$root/etc/vmseg/policies/own.xml"
check "installing again succeeds" make_here install
check_equal "and keeps hostd.conf" "log-level = debug" "$(cat "$root/etc/vmseg/hostd.conf")"

check "make uninstall succeeds" make_here uninstall
check_equal "and leaves the configuration only" \
	"644 etc/vmseg/hostd.conf"$'\n'"644 etc/vmseg/policies/own.xml" "$(list_files)"
check_fails "not even a directory of its own stays" test -e "$root/usr/share/vmseg"

root=$work/other
check "another prefix is taken" make_here install prefix=/opt/vmseg
check_equal "by the unit, too" "ExecStart=/opt/vmseg/sbin/vmseg-hostd" \
	"$(grep ^ExecStart= "$root/opt/vmseg/lib/systemd/system/vmseg-hostd.service")"

done_testing

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fetch-kernel.sh RELEASE DIR: brings the cloud kernel of a Debian release to DIR, installing
# nothing. Afterwards DIR holds vmlinuz, config, version and lib/modules/VERSION with its
# modules.dep. A directory that is already complete is left alone, so it serves as a cache.
#
# The package comes through apt with lists of its own: the machine's sources and lists stay as
# they are, and its mirror (or DEBIAN_MIRROR) is used whatever release the machine itself runs.

set -euo pipefail
. "$(dirname "$0")/mirror.sh"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
	printf 'fetch-kernel: %s\n' "$*" >&2
	exit 1
}

[ $# -eq 2 ] || die "usage: fetch-kernel.sh RELEASE DIR"
release=$1
target=$2
[ ! -e "$target/version" ] || exit 0

mirror=$(find_mirror)
[ -n "$mirror" ] ||
	die "apt has no Debian mirror configured: name one in DEBIAN_MIRROR"
[ -r "$keyring" ] || die "$keyring is missing: install debian-archive-keyring"

mkdir -p "$(dirname "$target")"
# apt takes a relative folder for one of its own, so the path is absolute.
work=$(mktemp -d "$(realpath "$(dirname "$target")")/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT

mkdir -p "$work"/{lists/partial,archives/partial,root}
printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$release" >"$work/sources.list"
apt=(-qq
	-o "Dir::Etc::sourcelist=$work/sources.list"
	-o Dir::Etc::sourceparts=/dev/null
	-o "Dir::State::Lists=$work/lists"
	-o "Dir::Cache=$work"
	-o APT::Sandbox::User=root)

meta=linux-image-cloud-$(dpkg --print-architecture)
apt-get "${apt[@]}" update
package=$(apt-cache "${apt[@]}" depends "$meta" |
	sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p')
[ -n "$package" ] || die "$meta of $release names no kernel"
(cd "$work" && apt-get "${apt[@]}" download "$package")

dpkg -x "$work"/linux-image-*.deb "$work/root"
version=${package#linux-image-}
version=${version%-unsigned}
mkdir "$work/kernel"
mv "$work/root/boot/vmlinuz-$version" "$work/kernel/vmlinuz"
mv "$work/root/boot/config-$version" "$work/kernel/config"
# From trixie on the package has its modules below /usr.
modules=$work/root/lib
[ -d "$modules/modules" ] || modules=$work/root/usr/lib
mkdir "$work/kernel/lib"
mv "$modules/modules" "$work/kernel/lib/modules"
depmod -b "$work/kernel" "$version"
printf '%s\n' "$version" >"$work/kernel/version"

rm -rf "$target"
mv "$work/kernel" "$target"

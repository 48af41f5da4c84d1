# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# mirror.sh: where packages of Debian's releases are fetched from.

# find_mirror: prints DEBIAN_MIRROR, or else the mirror that this machine gets Debian itself from,
# not security updates or third parties. Nothing where apt has none.
find_mirror() {
	if [ -n "${DEBIAN_MIRROR:-}" ]; then
		printf '%s\n' "$DEBIAN_MIRROR"
	else
		# shellcheck disable=SC2016 # for apt to expand
		apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
			sed -n '\,/debian/*$,{p;q}'
	fi
}

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tc.sh: a tc for the lab's libvirtd on kernels that lack what libvirt's <bandwidth> uses beside
# qdiscs: the queue sfq and the action police. They do not matter here, the qdiscs do: where they
# can be, libvirt's own commands run.

# install_tc: for those that are started after it. What is asked of tc goes to $LAB/tc.log.
install_tc() {
	local real
	real=$(realpath "$(command -v tc)")
	mkdir -p "$LAB_RUN/tc"
	: >"$LAB_RUN/tc/tc"
	mount --bind "$real" "$LAB_RUN/tc/tc"
	cat >"$LAB_RUN/tc/wrapper" <<-EOF
		#!/bin/bash
		echo "\$*" >>"$LAB/tc.log"
		line=" \$* "
		if [[ \$line == *" sfq "* || \$line == *" police "* || \$line == *" fw "* ]]; then
			"$LAB_RUN/tc/tc" "\$@" 2>/dev/null && exit
			line=\${line/ sfq perturb [0-9]*/ pfifo }
			line=\${line/ police * flowid/ flowid}
			line=\${line/ handle 1 fw / u32 match u32 0 0 }
			# shellcheck disable=SC2086 # words
			exec "$LAB_RUN/tc/tc" \$line
		fi
		exec "$LAB_RUN/tc/tc" "\$@"
	EOF
	chmod +x "$LAB_RUN/tc/wrapper"
	mount --bind "$LAB_RUN/tc/wrapper" "$real"
}

# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# systemd.sh: a system manager of the lab's own (lab.sh), for what only systemd does: it runs
# vmseg's unit as it is installed. It is PID 1 of a PID namespace and has a mount namespace, a part
# of the cgroups, and no units but vmseg's; network, /run, /etc and bpffs are the lab's.

systemd_parent=
systemd_pid=
systemd_cgroup=

# in_systemd COMMAND...: where the manager runs; systemctl above all.
in_systemd() {
	nsenter --target "$systemd_pid" --mount --pid --cgroup "$@"
}

# start_systemd [DROP_IN...]: lines for a drop-in of vmseg-hostd.service.
start_systemd() {
	local units=$LAB/units
	need /lib/systemd/systemd systemd
	mkdir -p "$units/vmseg-hostd.service.d" "$LAB_RUN/sbin"
	write_units "$units"
	printf '%s\n' '[Service]' "StandardOutput=append:$LAB/hostd.log" \
		"StandardError=append:$LAB/hostd.log" "Environment=VMSEG_SCHEMA=$LAB_RUN/vmseg.rng" \
		"$@" >"$units/vmseg-hostd.service.d/lab.conf"
	systemd_cgroup=$LAB_RUN/cgroup/${LAB##*/}
	LAB_CLEANUP+=(stop_systemd)
	mkdir "$LAB_RUN/cgroup"
	mount -t cgroup2 cgroup2 "$LAB_RUN/cgroup" || die "no cgroups of version 2"
	mkdir "$systemd_cgroup"
	# It logs to the kernel's log, which is a file here.
	: >/dev/kmsg
	export -f become_systemd
	enter_systemd "$systemd_cgroup" "$units" >>"$LAB/systemd.log" 2>&1 &
	systemd_parent=$!
	wait_for 20 systemd_is_up || die "systemd does not start: see $LAB/systemd.log"
}

# What is not here is not started: whatever the machine's own units do, the lab is not for them.
# Programs are where no protection of the unit hides them: not below /home or /tmp.
write_units() {
	local unit
	for unit in sysinit basic lab; do
		printf '[Unit]\nDefaultDependencies=no\n' >"$1/$unit.target"
	done
	install "$BUILD/vmseg-hostd" "$BUILD/vmseg" "$LAB_RUN/sbin"
	cp "$TOP/build/vmseg.rng" "$LAB_RUN"
	sed "s|@sbindir@|$LAB_RUN/sbin|" "$TOP/packaging/systemd/vmseg-hostd.service" \
		>"$1/vmseg-hostd.service"
}

# enter_systemd CGROUP UNITS: in a process of its own.
enter_systemd() {
	echo "$BASHPID" >"$1/cgroup.procs"
	exec unshare --cgroup --pid --mount --propagation private --fork --kill-child --mount-proc \
		bash -euc 'become_systemd "$@"' - "$@"
}

# As PID 1 there. It would raise some limits of the whole machine: it must not. Mounts are shared, as
# a system manager outside of containers has them: what is unmounted is unmounted for units, too.
become_systemd() {
	mount --make-rshared /
	umount --lazy "${1%/*}"
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	mount --bind /proc/sys /proc/sys
	mount -o remount,bind,ro /proc/sys
	mount --bind "$2" /usr/lib/systemd/system
	mount -t tmpfs tmpfs /usr/lib/systemd/system-generators
	rm -rf /etc/systemd/system
	mkdir -p /etc/systemd/system
	exec env -i PATH="$PATH" container=lab /lib/systemd/systemd --system --unit=lab.target \
		--log-target=kmsg --show-status=no
}

systemd_is_up() {
	systemd_pid=$(pgrep --parent "$systemd_parent")
	in_systemd systemctl is-active lab.target
}

# Cgroups do not end with the lab.
stop_systemd() {
	[ -z "$systemd_pid" ] || kill -KILL "$systemd_pid"
	wait_for 10 eval "! grep -q . $systemd_cgroup/cgroup.procs" || true
	find "$systemd_cgroup" -depth -type d -exec rmdir {} +
}

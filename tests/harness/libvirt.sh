# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# libvirt.sh: a system libvirtd inside the lab (lab.sh), qemu:///system as users know it.

export LIBVIRT_DEFAULT_URI=qemu:///system

libvirtd_pid=

# start_libvirtd [SETTING...]: with more lines for libvirtd.conf. Hooks are looked up when libvirtd
# starts: install them before.
start_libvirtd() {
	need libvirtd libvirt-daemon-system
	need virsh libvirt-clients
	cat >/etc/libvirt/libvirtd.conf <<-EOF
		log_outputs = "2:file:$LAB/libvirtd.log"
		auth_unix_rw = "none"
		auth_tcp = "none"
		listen_tls = 0
	EOF
	[ $# -eq 0 ] || printf '%s\n' "$@" >>/etc/libvirt/libvirtd.conf
	# Root in the lab is all there is: no users to change to, no cgroups, no labels, and QEMU
	# writes its own log.
	cat >/etc/libvirt/qemu.conf <<-EOF
		user = "root"
		group = "root"
		security_driver = "none"
		cgroup_controllers = []
		namespaces = []
		remember_owner = 0
		stdio_handler = "file"
	EOF
	libvirtd --listen >>"$LAB/libvirtd.out" 2>&1 &
	libvirtd_pid=$!
	wait_for 30 virsh version || die "libvirtd does not start: see $LAB/libvirtd.log"
}

stop_libvirtd() {
	kill "$libvirtd_pid"
	wait "$libvirtd_pid" || true
	libvirtd_pid=
}

restart_libvirtd() {
	stop_libvirtd
	start_libvirtd
}

# install_hook PROGRAM: as qemu.d/vmseg, where libvirt runs it beside other hooks.
install_hook() {
	install -D -m 755 "$1" /etc/libvirt/hooks/qemu.d/vmseg
}

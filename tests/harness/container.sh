# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# container.sh: containers of the lab's libvirt (lxc:///system): busybox and the tools, with one
# veth on the bridge. Names, numbers and addresses are those of vm.sh.

LXC=(virsh --quiet --connect lxc:///system)

# libvirt's LXC driver does not work without cgroups, so they come back, of the kind that the
# machine has. Call before libvirtd starts.
mount_cgroups() {
	local controller
	LAB_CLEANUP+=(remove_cgroups)
	# With version 2 alone a process is in one cgroup only.
	if [ "$(wc -l </proc/self/cgroup)" -eq 1 ]; then
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		return
	fi
	mount -t tmpfs tmpfs /sys/fs/cgroup
	for controller in cpu cpuacct cpuset memory devices freezer blkio; do
		mkdir "/sys/fs/cgroup/$controller"
		mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller"
	done
}

# Cgroups do not end with the lab: what libvirt made there is taken away.
remove_cgroups() {
	local name
	for name in $("${LXC[@]}" list --name); do
		destroy_container "$name"
	done
	stop_libvirtd
	find /sys/fs/cgroup -maxdepth 2 -type d -name machine \
		-exec rmdir --ignore-fail-on-non-empty {} +
}

# create_container NAME N [METADATA]
create_container() {
	local name=$1 number=$2 metadata=${3:-} root=$LAB/$1.root
	mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp}
	cp "$(command -v busybox)" "$TOOLS"/{ask,echo_server,hold,send_frame} "$root/bin"
	"$root/bin/busybox" --install -s "$root/bin"
	cat >"$LAB/$name.xml" <<-EOF
		<domain type='lxc'>
		  <name>$name</name>
		  <memory unit='MiB'>64</memory>
		  <metadata>
		$metadata
		  </metadata>
		  <os>
		    <type>exe</type>
		    <init>/bin/busybox</init>
		    <initarg>sleep</initarg>
		    <initarg>600</initarg>
		  </os>
		  <devices>
		    <filesystem type='mount'><source dir='$root'/><target dir='/'/></filesystem>
		    <interface type='bridge'>
		      <mac address='$(vm_mac "$number")'/>
		      <source bridge='$VM_BRIDGE'/>
		      <ip address='$(vm_ip4 "$number")' prefix='24'/>
		      <ip address='$(vm_ip6 "$number")' prefix='64'/>
		    </interface>
		    <console type='pty'/>
		  </devices>
		</domain>
	EOF
	"${LXC[@]}" create "$LAB/$name.xml"
}

# in_container NAME COMMAND...: runs a shell command inside the container.
in_container() {
	local name=$1
	shift
	"${LXC[@]}" lxc-enter-namespace --noseclabel "$name" /bin/busybox sh -c "PATH=/bin; $*"
}

destroy_container() {
	"${LXC[@]}" destroy "$1"
}

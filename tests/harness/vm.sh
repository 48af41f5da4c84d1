# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# vm.sh: VMs of the lab's libvirt. A VM is known by its name and a number N from 2 to 99, which
# gives its NIC's MAC and addresses on the bridge.

VM_NET4=10.77.0
VM_NET6=fd77::
VM_BRIDGE=vmbr0

GUEST=$BUILD/tests/guest

vm_mac() {
	printf '52:54:00:77:00:%02x' "$1"
}

vm_ip4() {
	printf '%s.%d' "$VM_NET4" "$1"
}

vm_ip6() {
	printf '%s%d' "$VM_NET6" "$1"
}

# domain_xml NAME N [METADATA]: the domain of a VM with one NIC; METADATA is a <vmseg:domain>.
# VM_WORDS are more words for the guest's command line.
domain_xml() {
	local name=$1 number=$2 metadata=${3:-}
	cat <<-EOF
		<domain type='qemu'>
		  <name>$name</name>
		  <memory unit='MiB'>96</memory>
		  <vcpu>1</vcpu>
		  <metadata>
		$metadata
		  </metadata>
		  <os>
		    <type machine='pc'>hvm</type>
		    <kernel>$GUEST/vmlinuz</kernel>
		    <initrd>$GUEST/initrd</initrd>
		    <cmdline>console=ttyS0 quiet panic=-1 name=$name address.0=$(vm_ip4 "$number")/24,$(vm_ip6 "$number")/64 ${VM_WORDS:-}</cmdline>
		  </os>
		  <features><acpi/></features>
		  <cpu mode='maximum'/>
		  <on_poweroff>destroy</on_poweroff>
		  <on_reboot>destroy</on_reboot>
		  <on_crash>destroy</on_crash>
		  <devices>
		    <serial type='file'><source path='$LAB/$name.console'/></serial>
		    <channel type='unix'>
		      <source mode='bind' path='$(vm_socket "$name")'/>
		      <target type='virtio' name='vmseg.agent'/>
		    </channel>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		$(interface_xml "$(vm_mac "$number")")
		  </devices>
		</domain>
	EOF
}

# interface_xml MAC: one NIC on the bridge, also for attach-device.
interface_xml() {
	cat <<-EOF
		<interface type='bridge'>
		  <mac address='$1'/>
		  <source bridge='$VM_BRIDGE'/>
		  <model type='virtio'/>
		  <rom enabled='no'/>
		</interface>
	EOF
}

vm_socket() {
	printf '%s/%s.agent' "$LAB_RUN" "$1"
}

# create_vm NAME N [METADATA]: starts a transient domain; its guest boots meanwhile.
create_vm() {
	domain_xml "$@" >"$LAB/$1.xml"
	virsh --quiet create "$LAB/$1.xml"
}

destroy_vm() {
	virsh --quiet destroy "$1"
}

# in_vm NAME COMMAND...: runs a shell command inside the VM, waiting for it to have booted. The limit
# is for a VM that hangs; a busy machine's emulated VM may take minutes for what else takes seconds.
in_vm() {
	local name=$1
	shift
	"$TOOLS/guest_run" -t 400 "$(vm_socket "$name")" "$@"
}

# vm_tap NAME: the host's device of the VM's first NIC.
vm_tap() {
	virsh --quiet domiflist "$1" | awk 'NR == 1 { print $1 }'
}

# set_metadata NAME METADATA: what an administrator does to a running VM.
set_metadata() {
	virsh --quiet metadata "$1" --uri urn:vmseg:1 --key vmseg --live --set "$2"
}

# metadata N BODY: the vmseg metadata of a VM: its own addresses, and BODY.
metadata() {
	cat <<-EOF
		<domain xmlns="urn:vmseg:1">
		  $2
		  <interface mac="$(vm_mac "$1")">
		    <address ip="$(vm_ip4 "$1")"/>
		    <address ip="$(vm_ip6 "$1")"/>
		  </interface>
		</domain>
	EOF
}

# How long to listen before calling it silence; and for an answer that should come, which ends the
# wait, so that a machine with much else to do has the time that it needs.
SILENCE_SECONDS=2
ANSWER_SECONDS=60

# ask_from WAIT NAME tcp|udp ADDRESS PORT: "answered", "silence" or "refused", as the VM sees it.
ask_from() {
	local wait=$1 name=$2
	shift 2
	in_vm "$name" ask -w "$wait" "$@" || [ $? -le 2 ]
}

# answers NAME tcp|udp ADDRESS PORT
answers() {
	[ "$(ask_from $ANSWER_SECONDS "$@")" = answered ]
}

# is_silent NAME tcp|udp ADDRESS PORT
is_silent() {
	[ "$(ask_from $SILENCE_SECONDS "$@")" = silence ]
}

# pings NAME ADDRESS
pings() {
	in_vm "$1" ping -c 1 -W $((ANSWER_SECONDS / 2)) "$2"
}

# start_hold NAME ADDRESS PORT COUNT: the VM opens connections and keeps them busy from now on.
start_hold() {
	in_vm "$1" "hold $2 $3 $4 >/tmp/hold-$3 2>&1 &"
}

# hold_now NAME PORT FIELD: the newest figure of start_hold: alive, waiting, ended or echoes.
hold_now() {
	in_vm "$1" "tail -n 1 /tmp/hold-$2" | sed -n "s/.*\<$3=\([0-9]*\).*/\1/p"
}

# holds NAME PORT FIELD NUMBER: whether that figure is the number now.
holds() {
	[ "$(hold_now "$1" "$2" "$3")" = "$4" ]
}

# echoes_beyond NAME PORT NUMBER: whether more answers than that have come by now.
echoes_beyond() {
	[ "$(hold_now "$1" "$2" echoes)" -gt "$3" ]
}

# get_page NAME HOST [PATH]: what the VM reads from a web server.
get_page() {
	in_vm "$1" "wget -q -O - 'http://$2/${3:-}'"
}

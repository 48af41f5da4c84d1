#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a domain was told to have is not forgotten, and a device is opened only because somebody who
# knows says so: not by time, nor because a description cannot be read or libvirt cannot be asked.

set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../harness/container.sh"

NIC=52:54:00:77:01:01
LOOKALIKE='namespace "urn:vmseg:2" is not known'

# line NAME FILTER: a jq filter on the domain's line in the list.
line() {
	vmseg list --json | jq -r ".domains[] | select(.name == \"$1\") | $2"
}

state_is() {
	[ "$(line "$1" .state)" = "$2" ]
}

error_has() {
	[[ "$(line "$1" .error)" == *"$2"* ]]
}

# nic MAC FILTER: a jq filter on one port of web.
nic() {
	vmseg show web --json | jq -r ".ports[] | select(.mac == \"$1\") | $2"
}

nic_is() {
	[ "$(nic "$1" "$2")" = "$3" ]
}

unclaimed() {
	vmseg status --json | jq -r '[.unclaimed[].device] | join(" ")'
}

unclaimed_are() {
	[ "$(unclaimed)" = "$1" ]
}

# The reason of an unclaimed device.
reason_has() {
	[[ "$(vmseg status --json | jq -r ".unclaimed[] | select(.device == \"$1\").reason")" == *"$2"* ]]
}

# The links of vmseg's two programs with a device.
programs_on() {
	find /sys/fs/bpf/vmseg/links -name "$(cat "/sys/class/net/$1/ifindex")-*" | wc -l
}

problems() {
	vmseg status --json | jq -r '.problems[] | "\(.domain) \(.error)"'
}

# add_stray DEVICE: a veth that could be a container's.
add_stray() {
	ip link add "$1" type veth peer name "peer-$1" netns stray
}

# Every libvirt has described all that it runs after this call: a domain that starts is known.
# $1: what is unclaimed beside it.
libvirt_is_asked() {
	add_stray vnet70
	wait_for 60 unclaimed_are "${1:+$1 }vnet70"
	wait_for 60 unclaimed_are "${1:-}"
	ip link del vnet70
}

# unplug FILE: returns when the guest has given the NIC up.
unplug() {
	virsh --quiet detach-device web "$1" --live
	wait_for 60 has_one_nic
}

has_one_nic() {
	[ "$(virsh --quiet domiflist web | grep -c .)" -eq 1 ]
}

# ---- what is asked for ------------------------------------------------------------------------

other_policy() {
	cat >"$LAB/other.xml" <<-XML
		<policy xmlns="urn:vmseg:1" name="other"><description>$RANDOM</description></policy>
	XML
	vmseg policy apply "$LAB/other.xml"
}

restart_hostd() {
	stop_hostd
	start_hostd
	wait_for 30 libvirt_connected
}

# check_remembered WHAT: web's metadata cannot be put in force; whatever happens, that is said.
check_remembered() {
	local what=$1 event
	check_soon 30 "$what: web is stale" state_is web stale
	for event in 'vmseg reload' other_policy toggle_member restart_hostd 'vmseg reload'; do
		$event >"$LAB/event" 2>&1 || true
		check_equal "... and after $event" stale "$(line web .state)"
		check "... its wish is named" error_has web "$2"
		check_equal "... and the policy in force is the old one" "[\"web-server\"] false" \
			"$(nic "$(vm_mac $WEB)" '"\(.policies) \(.closed)"')"
	done
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
	check_soon 30 "... until it is asked for what can be had" state_is web enforce
}

# Whose rules name a group's members is planned anew when they change.
toggle_member() {
	create_paused member 41 "$(metadata 41 '<policy ref="web-server"/><group name="admins"/>')"
	destroy_vm member
}

check_wishes() {
	set_metadata web "$(metadata $WEB '<policy ref="no-such"/>')"
	check_remembered "a policy that is not there" no-such
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/><nonsense/>')"
	check_remembered "an element that is not known" nonsense
	set_metadata web "$(metadata $WEB '<policy><default in="block"/></policy>')"
	check_remembered "a slip in an attribute" block
}

# ---- look-alikes ------------------------------------------------------------------------------

check_lookalike() {
	virsh --quiet metadata web --uri urn:vmseg:2 --key v2 --live --set '<domain/>'
	check_soon 30 "a namespace like vmseg's beside the metadata is named" error_has web "$LOOKALIKE"
	check_contains "... in status, too" "$LOOKALIKE" "$(problems)"
	virsh --quiet attach-device web "$LAB/nic.xml" --live
	check_soon 30 "news of the domain are heard all the same: a NIC is filtered" nic_is $NIC \
		'"\(.policies[0]) \(.closed) \(.hooked.in) \(.hooked.out)"' "web-server false true true"
	set_metadata web "$(metadata $WEB '<policy ref="web-only"/>')"
	check_soon 30 "... and its own metadata is taken" nic_is $NIC '.policies[0]' web-only
	check_equal "... while it stays stale" stale "$(line web .state)"
	vmseg reload >"$LAB/reload" 2>&1 || true
	check_equal "... also after a reload" stale "$(line web .state)"
	unplug "$LAB/nic.xml"
	virsh --quiet metadata web --uri urn:vmseg:2 --live --remove
	check_soon 30 "... until it is taken away" state_is web enforce
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
}

# Without metadata of vmseg's own nobody knows what was meant.
check_lookalike_alone() {
	virsh --quiet metadata web --uri urn:vmseg:2 --key v2 --live --set '<domain/>'
	virsh --quiet metadata web --uri urn:vmseg:1 --live --remove
	check_soon 30 "metadata that only looks like vmseg's makes no domain unmanaged" error_has web \
		"$LOOKALIKE"
	check_equal "... it keeps what it has" "web-server false" \
		"$(nic "$(vm_mac $WEB)" '"\(.policies[0]) \(.closed)"')"
	virsh --quiet attach-device web "$LAB/nic.xml" --live
	check_soon 30 "... and what is new stays closed" nic_is $NIC .closed true
	vmseg reload >"$LAB/reload" 2>&1 || true
	check_equal "... also after a reload" true "$(nic $NIC .closed)"
	restart_hostd
	libvirt_is_asked
	check_equal "... and a restart" closed "$(line web .state)"
	check_equal "... with both programs" 2 "$(programs_on "$(nic $NIC .device)")"
	check_equal "... while the first NIC has what it had" 'web-server' \
		"$(nic "$(vm_mac $WEB)" '.policies[0]')"
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
	virsh --quiet metadata web --uri urn:vmseg:2 --live --remove
	check_soon 30 "... until the metadata can be read" state_is web enforce
	check_equal "... for both" "web-server web-server" \
		"$(vmseg show web --json | jq -r '[.ports[].policies[0]] | join(" ")')"
	unplug "$LAB/nic.xml"
}

# ---- a NIC that cannot be filtered ------------------------------------------------------------

check_unfilterable() {
	virsh --quiet attach-device web "$LAB/user.xml" --live
	check_soon 30 "a NIC that cannot be filtered is named" error_has web "type 'user'"
	set_metadata web "$(metadata $WEB '<policy ref="web-only"/>')"
	check_soon 30 "what is asked of the others is put in force meanwhile" nic_is \
		"$(vm_mac $WEB)" '.policies[0]' web-only
	vmseg reload >"$LAB/reload" 2>&1 || true
	check_equal "and no reload hides the one" stale "$(line web .state)"
	check "... which is named" error_has web "type 'user'"
	unplug "$LAB/user.xml"
	check_soon 30 "when it is gone nothing is wrong" state_is web enforce
	set_metadata web "$(metadata $WEB '<policy ref="web-server"/>')"
	check_soon 30 "..." nic_is "$(vm_mac $WEB)" '.policies[0]' web-server
}

# ---- who could have it ------------------------------------------------------------------------

# libvirt's LXC driver is not among libvirt-uri: nobody will tell of what is plugged in there.
check_container() {
	local tap before
	create_container box 50 "$(metadata 50 '<policy ref="web-server"/>')"
	check_equal "a container that the hook tells of is filtered" enforce "$(line box .state)"
	sed "s/52:54:00:77:01:01/52:54:00:77:01:50/" "$LAB/nic.xml" >"$LAB/box-nic.xml"
	"${LXC[@]}" attach-device box "$LAB/box-nic.xml" --live
	tap=$("${LXC[@]}" domiflist box | awk '/52:54:00:77:01:50/ { print $1 }')
	check_soon 30 "what is plugged into it is closed" unclaimed_are "$tap"
	check_soon 30 "... with the reason" reason_has "$tap" "box, and no libvirt-uri"
	before=$(described)
	add_stray vnet71
	check_soon 60 "... and so is all that could be its" unclaimed_are "$tap vnet71"
	check_soon 60 "libvirt is asked about them" described_beyond "$before"
	check_equal "... to no avail: it does not know" "$tap vnet71" "$(unclaimed)"
	check_equal "both programs are there" "2 2" "$(programs_on "$tap") $(programs_on vnet71)"
	check "an admin opens one" vmseg port release vnet71
	check_equal "... for good" "$tap 0" "$(unclaimed) $(programs_on vnet71)"
	check_error "... once" "vnet71 is not an unclaimed device" port release vnet71
	check_error "a domain's device is not released" "is filtered for domain box" \
		port release "$("${LXC[@]}" domiflist box | awk -v mac="$(vm_mac 50)" '$5 == mac { print $1 }')"
	ip link del vnet71
	destroy_container box
	check_soon 60 "with the container the doubt ends" unclaimed_are ""
}

# How often libvirt has described all that runs.
described() {
	grep -c 'has described all running domains' "$LAB/hostd.log" || true
}

described_beyond() {
	[ "$(described)" -gt "$1" ]
}

check_error() {
	local description=$1 expected=$2
	shift 2
	check_contains "$description" "$expected" "$(! vmseg "$@" 2>&1)"
}

# check_damaged HOW COMMAND...: the command spoils the state file of a port, which it is given.
check_damaged() {
	local how=$1 before
	shift
	add_stray vnet72
	vmseg port attach vnet72 --mac 52:54:00:77:00:48 --policy web-server
	stop_hostd
	"$@" /var/lib/vmseg/ports/*.json
	start_hostd
	check_soon 30 "libvirt is heard" libvirt_connected
	before=$(described)
	check_soon 60 "$how: libvirt is asked" described_beyond "$before"
	check_equal "... it does not know the device, which stays closed" "vnet72 2" \
		"$(unclaimed) $(programs_on vnet72)"
	check "... with the reason" reason_has vnet72 "whose state file cannot be used"
	check_contains "... and the file is a problem" ".json.bad" "$(problems)"
	check "... an admin opens it" vmseg port release vnet72
	rm -r /var/lib/vmseg/ports
	ip link del vnet72
	check_equal "... and takes the file away" "" "$(problems)"
}

rename_state() {
	mv "$1" /var/lib/vmseg/ports/77777777-7777-7777-7777-777777777777.json
}

# A state directory that is lost, or another one: the device was a port domain's, of which libvirt
# knows nothing.
check_lost() {
	local before
	add_stray vnet72
	vmseg port attach vnet72 --mac 52:54:00:77:00:48 --policy web-server
	stop_hostd
	mv /var/lib/vmseg/ports "$LAB/ports"
	start_hostd
	check_soon 30 "libvirt is heard" libvirt_connected
	before=$(described)
	check_soon 60 "without a port's state file libvirt is asked" described_beyond "$before"
	check_equal "... it does not know the device, which stays closed" "vnet72 2" \
		"$(unclaimed) $(programs_on vnet72)"
	check "... with the reason" reason_has vnet72 "no state file and no libvirt names its domain"
	libvirt_is_asked vnet72
	check_equal "... where a new device is nobody's" "vnet72 2" "$(unclaimed) $(programs_on vnet72)"
	check "an admin filters it as before" vmseg port attach vnet72 --mac 52:54:00:77:00:48 \
		--policy web-server
	check_equal "... or opens it" " enforce" "$(unclaimed) $(line vnet72 .state)"
	vmseg port detach vnet72
	ip link del vnet72
}

# libvirt sends no string of more than 4 MiB.
check_undescribed() {
	local i tap
	domain_xml big 60 "$(metadata 60 '<policy ref="web-server"/>')" |
		sed "s|<metadata>|<description>@</description>&|" >"$LAB/big.xml"
	sed -i "s|@|$(head -c 100000 /dev/zero | tr '\0' x)|" "$LAB/big.xml"
	virsh --quiet create --paused "$LAB/big.xml"
	check_soon 30 "a domain with a long description is filtered" state_is big enforce
	tap=$(vm_tap big)
	for i in {1..41}; do
		virsh --quiet metadata big --uri "urn:$i" --key "a$i" --live \
			--set "<a>$(head -c 102400 /dev/zero | tr '\0' x)</a>"
	done
	check_soon 60 "one that is too long for libvirt is a problem" error_has big "libvirt cannot provide it"
	check_equal "... and big is not said to be as asked for" stale "$(line big .state)"
	check_equal "... and keeps what it has" 2 "$(programs_on "$tap")"
	virsh --quiet metadata big --uri urn:1 --live --remove
	virsh --quiet metadata big --uri urn:2 --live --remove
	check_soon 60 "when libvirt can give it nothing is wrong" state_is big enforce
	destroy_vm big
}

check_detach() {
	create_paused plain $CLIENT
	libvirt_is_asked
	check_error "an unmanaged domain cannot be detached" "has no vmseg metadata" detach plain
	check_equal "... and nothing has changed" unmanaged "$(line plain .state)"
	set_metadata plain "$(metadata $CLIENT '<policy ref="desktop"/>')"
	check_soon 30 "... metadata that it gets later holds" state_is plain enforce
	check "a managed one can" vmseg detach plain
	check_contains "... which is a warning" "plain: is detached" \
		"$(vmseg status --json | jq -r '.warnings[]')"
	check "... until it is attached" vmseg attach plain
	check_equal "... again" "enforce " \
		"$(line plain .state) $(vmseg status --json | jq -r '.warnings[]')"
	destroy_vm plain
}

# ---- a domain that libvirt has forgotten ------------------------------------------------------

# libvirtd restarts, and cannot read what it has written of a domain that runs on.
forget_lost() {
	stop_libvirtd
	mv /run/libvirt/qemu/lost.xml "$LAB/lost.status"
	start_libvirtd
	wait_for 30 libvirt_connected
}

remember_lost() {
	stop_libvirtd
	mv "$LAB/lost.status" /run/libvirt/qemu/lost.xml
	start_libvirtd
	wait_for 30 libvirt_connected
}

check_forgotten() {
	local tap pid
	create_paused lost 42 "$(metadata 42 '<policy ref="web-server"/>')"
	tap=$(vm_tap lost)
	pid=$(cat /run/libvirt/qemu/lost.pid)
	forget_lost
	check_equal "libvirt has forgotten a domain that runs" "" \
		"$(virsh --quiet list --name | grep lost)"
	check_soon 30 "... which is a problem" state_is lost stale
	check "... with the reason" error_has lost "its device $tap still exists"
	check_contains "... in status, too" "vmseg port release $tap" "$(problems)"
	check_equal "... and stays filtered" "2 web-server" \
		"$(programs_on "$tap") $(line lost '.policies[0]')"
	restart_hostd
	check_soon 30 "... after a restart, too" error_has lost "its device $tap still exists"
	check_equal "... with both programs" 2 "$(programs_on "$tap")"
	vmseg reload >"$LAB/reload" 2>&1 || true
	check_equal "... and after a reload" "2 stale" "$(programs_on "$tap") $(line lost .state)"
	remember_lost
	check_soon 30 "when libvirt knows it again nothing is wrong" state_is lost enforce
	forget_lost
	check_soon 30 "forgotten again" state_is lost stale
	check "... an admin says that it is over" vmseg port release "$tap"
	check_equal "... which opens its device" "0 " "$(programs_on "$tap") $(line lost .state)"
	remember_lost
	check_soon 30 "... until libvirt knows it" state_is lost enforce
	forget_lost
	check_soon 30 "forgotten once more" state_is lost stale
	kill "$pid"
	check_soon 30 "when its device goes it is over" state_is lost ""
}

# Somebody calls the hook for a domain that runs on: libvirt's next list says that it does.
check_relearned() {
	create_paused wrong 43 "$(metadata 43 '<policy ref="web-server"/>')"
	virsh dumpxml wrong | "$BUILD/vmseg-hook" wrong stopped end -
	check_equal "a domain whose end is told is forgotten" "" "$(line wrong .state)"
	check_soon 90 "... and known again when libvirt lists it" state_is wrong enforce
	check_equal "... filtered" 2 "$(programs_on "$(vm_tap wrong)")"
	destroy_vm wrong
}

# ---- an interface that libvirt does not know of -----------------------------------------------

# plug_behind DOMAIN DEVICE N: a NIC that QEMU gets by its monitor.
plug_behind() {
	virsh --quiet qemu-monitor-command "$1" "$(jq -cn --arg d "$2" '{execute: "netdev_add", arguments:
		{type: "tap", id: $d, ifname: $d, script: "no", downscript: "no"}}')"
	virsh --quiet qemu-monitor-command "$1" "$(jq -cn --arg d "$2" --arg mac "$(vm_mac "$3")" '{execute:
		"device_add", arguments: {driver: "virtio-net-pci", netdev: $d, id: ("nic" + $d), mac: $mac}}')"
	ip link set "$2" master "$VM_BRIDGE" up
}

# check_behind WHAT DEVICE
check_behind() {
	check_soon 60 "$1 is closed" unclaimed_are "$2"
	check_soon 30 "... with the reason" reason_has "$2" "the QEMU of domain secret has it open"
	check_soon 30 "... which is the domain's problem" state_is secret stale
	check_contains "... in status, too" "its QEMU has device $2 open" "$(problems)"
	libvirt_is_asked "$2"
	check_equal "... it stays closed when libvirt has been asked" "$2 2" \
		"$(unclaimed) $(programs_on "$2")"
}

check_monitor() {
	create_paused secret 44 "$(metadata 44 '<policy ref="web-server"/>')"
	plug_behind secret tap9 45
	check_behind "a NIC that is plugged in behind libvirt's back" tap9
	check "... an admin opens it" vmseg port release tap9
	check_soon 30 "... which does not make it filtered" problems_have "tap9 open, which its description does not name: the device is not filtered"
	destroy_vm secret
	ip tuntap add tap10 mode tap
	check_soon 60 "a tap that nobody has open is closed" unclaimed_are tap10
	libvirt_is_asked tap10
	check "... and stays so: libvirt cannot know whose it will be" reason_has tap10 "no process has it open"
	create_paused secret 44 "$(metadata 44 '<policy ref="web-server"/>')"
	plug_behind secret tap10 45
	check_behind "one that QEMU opens later" tap10
	destroy_vm secret
	create_paused secret 44
	plug_behind secret tap10 45
	check_soon 90 "of a domain that is not managed it is opened" unclaimed_are ""
	check_equal "..." 0 "$(programs_on tap10)"
	destroy_vm secret
	ip link del tap10
}

problems_have() {
	[[ "$(problems)" == *"$1"* ]]
}

# ---- another network namespace ----------------------------------------------------------------

moved() {
	local tap=$1
	ip link set "$tap" netns other
	ip -netns other link set "$tap" netns 1
	ip link set "$tap" master "$VM_BRIDGE" up
}

check_moved() {
	local tap
	tap=$(vm_tap web)
	ip netns add other
	ip link set "$tap" netns other
	check_soon 30 "a NIC whose device has gone elsewhere is a problem" error_has web "no host device"
	check_equal "... and web is not said to be filtered" stale "$(line web .state)"
	check_contains "... in status, too" "no host device" "$(problems)"
	ip -netns other link set "$tap" netns 1
	ip link set "$tap" master "$VM_BRIDGE" up
	check_soon 30 "when it is back it is filtered" nic_is "$(vm_mac $WEB)" \
		'"\(.policies[0]) \(.closed) \(.hooked.in) \(.hooked.out)"' "web-server false true true"
	check_equal "... and web is" "enforce 2" "$(line web .state) $(programs_on "$tap")"
	moved "$tap"
	check_soon 30 "... each time" nic_is "$(vm_mac $WEB)" '"\(.policies[0]) \(.hooked.in)"' \
		"web-server true"
	check_equal "... and the device is nobody else's" "" "$(unclaimed)"
	ip netns del other
}

enter_lab "$@"
mount_cgroups
ip netns add stray
mkdir -p /etc/libvirt/hooks/lxc.d
install -m 755 "$BUILD/vmseg-hook" /etc/libvirt/hooks/lxc.d/vmseg
set_up
sed 's/<\/policy>/<rule direction="in" action="allow"><remote group="admins"\/><tcp port="22"\/><\/rule>&/' \
	"$TOP/tests/harness/policies/web-server.xml" >"$LAB/web-server.xml"
write_policy web-server <"$LAB/web-server.xml"
vmseg reload
check_soon 30 "libvirt is heard" libvirt_connected
interface_xml $NIC >"$LAB/nic.xml"
cat >"$LAB/user.xml" <<-EOF
	<interface type='user'><mac address='52:54:00:77:01:02'/><model type='virtio'/></interface>
EOF
create_vm web $WEB "$(metadata $WEB '<policy ref="web-server"/>')"
check_wishes
in_vm web true
check_lookalike
check_lookalike_alone
check_unfilterable
check_moved
check_detach
check_forgotten
check_relearned
check_monitor
check_damaged "an empty state file" truncate -s 0
check_damaged "one by another name" rename_state
check_lost
check_undescribed
check_container
destroy_vm web
done_testing

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel reports about host devices. No libvirt hook announces a hot-plugged NIC. So its
 * device is closed as soon as it appears, before QEMU has it, and gets its policy when libvirt says
 * which domain it belongs to.
 */
#include "hostd/enforce/handlers/devices.h"

#include <errno.h>
#include <fnmatch.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/apply/attach_device.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/handlers/lifecycle.h"
#include "hostd/enforce/handlers/policed.h"
#include "hostd/enforce/handlers/port_domain.h"
#include "hostd/enforce/handlers/quarantine.h"
#include "hostd/enforce/handlers/refresh.h"
#include "hostd/enforce/handlers/repair.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/holders.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/inventory/unclaimed.h"
#include "hostd/netlink/link_info.h"

/* The name that libvirt gives to the taps and veths it makes itself; reserved there
 * (src/util/virnetdev.h, VIR_NET_GENERATED_VNET_PREFIX). */
#define LIBVIRT_NAMES "vnet*"

static bool is_lxc_uri(const char *uri)
{
	return strncmp(uri, "lxc", strlen("lxc")) == 0;
}

/* Does libvirt run containers here, as far as is known? */
static bool has_containers(const struct enforcer *enforcer)
{
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (strcmp(m->domain->driver, "lxc") == 0)
			return true;
	}
	for (size_t i = 0; i < enforcer->config->libvirt_uri_count; i++) {
		if (is_lxc_uri(enforcer->config->libvirt_uris[i]))
			return true;
	}
	return false;
}

static bool runs_managed_domain(const struct enforcer *enforcer)
{
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (m->policy && !is_port_domain(m->domain))
			return true;
	}
	return false;
}

/* Could a new device be one that libvirt plugs into a managed domain? One that cannot be heard, now
 * or at all, plugs in all the same. */
static bool expects_devices(const struct enforcer *enforcer, bool watched)
{
	return enforcer->config->quarantine && (watched || runs_managed_domain(enforcer));
}

/* Could libvirt have made it for a domain, or been told to use it? VMs have taps, macvtaps and
 * ipvtaps; only containers have veths. A device without Ethernet frames, such as a VPN's tun, is
 * never a guest's. */
static bool may_be_plugged_in(const struct enforcer *enforcer, const char *device,
			      const struct link_info *info)
{
	if (!info->is_ethernet || is_exempt(enforcer->config, device))
		return false;
	if (is_opened_kind(info->kind))
		return true;
	return strcmp(info->kind, "veth") == 0 &&
	       (has_containers(enforcer) || fnmatch(LIBVIRT_NAMES, device, 0) == 0);
}

/* A device that has the name of a NIC without a device. For example, it was moved to another
 * network namespace and came back. Where the NIC's own device was renamed, or is in another network
 * namespace, the new one stays closed. False: no managed domain names it. */
static bool filter_nic_device(struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	struct managed_domain *managed = find_claimant(enforcer, device, NULL);
	const struct managed_port *port;

	if (!managed || is_port_domain(managed->domain))
		return false;
	if (find_port_owner(enforcer, ifindex, &port))
		return true;
	/* The device is closed at once, because the policy takes longer. */
	if (!is_attached(enforcer->datapath, ifindex))
		close_device(enforcer, ifindex, device);
	enforce_wanted(enforcer, managed);
	forget_returned(managed);
	return true;
}

void note_device(struct enforcer *enforcer, unsigned int ifindex, const char *device, bool watched)
{
	struct link_info info;

	if (filter_port_device(enforcer, device) || filter_nic_device(enforcer, ifindex, device))
		return;
	if (!expects_devices(enforcer, watched) || awaits_policed_start(enforcer) ||
	    is_attached(enforcer->datapath, ifindex))
		return;
	if (read_link_info(ifindex, &info) == 0 && may_be_plugged_in(enforcer, device, &info))
		close_device(enforcer, ifindex, device);
}

/* A running domain that is not filtered has the device: libvirt or its hook has said so. */
static bool is_left_alone(const struct enforcer *enforcer, const char *device)
{
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (!may_be_managed(m) && names_device(m->domain, device))
			return true;
	}
	return false;
}

void note_held_device(struct enforcer *enforcer, unsigned int ifindex, const char *device,
		      bool held, bool watched)
{
	note_held(enforcer, ifindex, held);
	if (held && !find_port_domain(enforcer, device) && !is_left_alone(enforcer, device) &&
	    !may_stay_open(enforcer, ifindex, device))
		note_device(enforcer, ifindex, device, watched);
}

void rename_device(struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	struct port_status status;
	bool is_unclaimed = rename_unclaimed(enforcer, ifindex, device);

	if ((is_unclaimed || read_port_status(enforcer->datapath, ifindex, &status) < 0) &&
	    !filter_port_device(enforcer, device))
		filter_nic_device(enforcer, ifindex, device);
}

static void remove_port(struct managed_domain *managed, unsigned int ifindex)
{
	size_t kept = 0;

	for (size_t i = 0; i < managed->port_count; i++) {
		if (managed->ports[i].ifindex == ifindex)
			free_port(&managed->ports[i]);
		else
			managed->ports[kept++] = managed->ports[i];
	}
	managed->port_count = kept;
}

/* The tap of a domain that QEMU still has open is somewhere else. */
static bool is_still_held(const struct enforcer *enforcer, struct managed_domain *managed,
			  const struct managed_port *port)
{
	look_at_process(enforcer, managed);
	return holds_device(&managed->held, port->device);
}

void lose_device(struct enforcer *enforcer, unsigned int ifindex, bool moved)
{
	const struct managed_port *port;
	const struct managed_domain *owner = find_port_owner(enforcer, ifindex, &port);
	struct managed_domain *managed = owner ? find_managed(enforcer, owner->domain->uuid) : NULL;
	char device[IF_NAMESIZE];

	/* The device was in another network namespace and came back before this message was read:
	 * its programs must stay. */
	if (if_indextoname(ifindex, device)) {
		repair_device(enforcer, ifindex);
		return;
	}
	enforcer->device_lost = monotonic_usec();
	forget_opened(enforcer, ifindex);
	if (detach_port(enforcer->datapath, ifindex) == -ENOENT && !managed)
		return;
	claim_device(enforcer, ifindex);
	if (!managed)
		return;
	log_debug(managed->domain->name, "device %s is gone", port->device);
	if (moved || is_still_held(enforcer, managed, port))
		note_moved(managed, port);
	remove_port(managed, ifindex);
	if (managed->missing && !has_device_left(managed)) {
		stop_domain(enforcer, managed->uuid);
		return;
	}
	save_domain(enforcer, managed);
	if (is_waiting(managed)) {
		log_notice(managed->domain->name,
			   "its device is gone: the domain waits until a device has this name");
		refresh_groups(enforcer);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invariant: every NIC of every running managed domain is filtered, is closed, or is listed as
 * a problem. A NIC of which that does not hold is a gap; what looks at a domain from outside lists
 * it. So is a NIC whose name another device has taken: only an administrator can tell which is
 * which.
 */
#include "hostd/enforce/handlers/gaps.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/handlers/handlers_state.h"
#include "hostd/enforce/handlers/quarantine.h"
#include "hostd/enforce/inventory/clones.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/holders.h"
#include "hostd/enforce/inventory/libvirts.h"

#define RETRY_PAUSE_USEC (5 * USEC_PER_SEC)

/* The port of the NIC's device, or one that says why there is none. */
static const struct managed_port *find_port(const struct managed_domain *managed,
					    const struct domain_interface *nic)
{
	unsigned int ifindex = locate_device(managed, nic->mac, nic->target);

	for (size_t i = 0; i < managed->port_count; i++) {
		const struct managed_port *port = &managed->ports[i];

		if (ifindex ? port->ifindex == ifindex
			    : port->error && memcmp(port->mac, nic->mac, MAC_BYTES) == 0)
			return port;
	}
	return NULL;
}

static bool has_programs(const struct enforcer *enforcer, unsigned int ifindex, bool ask_kernel)
{
	enum hook_state state;

	if (is_formerly_filtered(enforcer->datapath, ifindex))
		return true;
	if (!is_attached(enforcer->datapath, ifindex))
		return false;
	return !ask_kernel || (read_hook_state(enforcer->datapath, ifindex, &state) == 0 &&
			       state != HOOKS_MISSING);
}

/* Another device has the name of the NIC's. */
static bool is_name_taken_over(const struct managed_domain *managed,
			       const struct domain_interface *nic, char *buffer, size_t size)
{
	unsigned int own = locate_device(managed, nic->mac, nic->target);
	char name[IF_NAMESIZE], mac[MAC_TEXT_BYTES];

	if (!find_namesake(managed, nic))
		return false;
	format_mac(nic->mac, mac);
	if (own && if_indextoname(own, name))
		snprintf(buffer, size,
			 "interface %s: its device was renamed to %s, and another device now has "
			 "the name %s",
			 mac, name, nic->target);
	else if (was_moved_away(managed, nic))
		snprintf(buffer, size,
			 "interface %s: its device was moved to another network namespace, and "
			 "another device now has the name %s (if that is the domain's, run vmseg "
			 "attach %s)",
			 mac, nic->target, managed->domain->name);
	else
		snprintf(buffer, size,
			 "interface %s: vmseg-hostd did not run when %s got its name: the device "
			 "passes nothing until libvirt says that it belongs to the domain",
			 mac, nic->target);
	return true;
}

static bool is_gap(const struct enforcer *enforcer, const struct managed_domain *managed,
		   const struct domain_interface *nic, bool ask_kernel, char *buffer, size_t size)
{
	const struct managed_port *port = find_port(managed, nic);
	char mac[MAC_TEXT_BYTES];

	if (is_name_taken_over(managed, nic, buffer, size))
		return true;
	if (port && (port->error || port->hook_problem))
		return false;
	if (port && port->ifindex && has_programs(enforcer, port->ifindex, ask_kernel))
		return false;
	format_mac(nic->mac, mac);
	if (port)
		snprintf(buffer, size, "interface %s: vmseg's programs are not on %s", mac,
			 port->device);
	else if (locate_device(managed, nic->mac, nic->target))
		snprintf(buffer, size, "interface %s: %s is not filtered", mac, nic->target);
	else
		snprintf(buffer, size, "interface %s has no host device%s%s", mac,
			 nic->target ? ": there is no " : "", nic->target ? nic->target : "");
	return true;
}

/* One port may not stand for two NICs of one MAC address. */
static bool lacks_ports(const struct managed_domain *managed, char *buffer, size_t size)
{
	const struct domain *domain = managed->domain;
	size_t nics = 0;

	for (size_t i = 0; i < domain->interface_count; i++)
		nics += domain->interfaces[i].kind != INTERFACE_NONE;
	if (managed->port_count >= nics)
		return false;
	snprintf(buffer, size, "it has %zu interfaces that must be filtered, but %zu ports", nics,
		 managed->port_count);
	return true;
}

/* ---- devices that are in no XML ------------------------------------------------------------- */

/* What there is to say of a device that the domain's QEMU has open, and that its description does
 * not name. False: nothing. */
static bool explain_held(const struct enforcer *enforcer, const struct managed_domain *managed,
			 const char *device, char *buffer, size_t size)
{
	unsigned int ifindex = if_nametoindex(device);
	const struct managed_domain *owner;
	const struct managed_port *port;

	/* The host's device of that name is another one. */
	if (ifindex && !can_be_held(ifindex))
		ifindex = 0;
	/* It may have been closed since the last look. */
	if (!ifindex && managed->looked <= enforcer->device_lost)
		return false;
	owner = find_port_owner(enforcer, ifindex, &port);
	if (owner == managed)
		return false;
	if (!ifindex)
		snprintf(buffer, size,
			 "its QEMU has device %s open, which its description does not name, in "
			 "another network namespace",
			 device);
	else if (owner)
		snprintf(buffer, size,
			 "its QEMU has device %s open, which is filtered as that of %s", device,
			 owner->domain->name);
	else if (has_programs(enforcer, ifindex, false))
		snprintf(buffer, size,
			 "its QEMU has device %s open, which its description does not name: the "
			 "device passes nothing (vmseg port release %s opens it)",
			 device, device);
	else
		snprintf(buffer, size,
			 "its QEMU has device %s open, which its description does not name: the "
			 "device is not filtered",
			 device);
	return true;
}

static bool holds_secret_device(const struct enforcer *enforcer,
				const struct managed_domain *managed, char *buffer, size_t size)
{
	for (size_t i = 0; i < managed->held.count; i++) {
		const char *device = managed->held.names[i];

		if (holds_secretly(enforcer, managed, device) &&
		    explain_held(enforcer, managed, device, buffer, size))
			return true;
	}
	return false;
}

/* The domain may have an interface that is in no XML. Without a connection to its libvirt, which
 * has PID files, a file that is not there says nothing. */
static bool is_unseen(const struct enforcer *enforcer, const struct managed_domain *managed,
		      char *buffer, size_t size)
{
	const char *why = explain_unseen(enforcer, managed);

	if (!why || (managed->look_error == -ENOENT &&
		     !is_driver_connected(enforcer, managed->domain->driver)))
		return false;
	snprintf(buffer, size,
		 "vmseg cannot see which devices its QEMU has open (%s): an interface that is in "
		 "no XML is not noticed",
		 why);
	return true;
}

/* ---- a domain ------------------------------------------------------------------------------- */

bool find_gap(const struct enforcer *enforcer, const struct managed_domain *managed,
	      bool ask_kernel, char *buffer, size_t size)
{
	const struct domain *domain = managed->domain;
	const char *device;

	device = managed->missing ? find_present_device(managed) : NULL;
	if (device) {
		snprintf(buffer, size,
			 "libvirt no longer knows this domain, but its device %s still exists and "
			 "stays filtered; if the domain has ended, run: vmseg port release %s",
			 device, device);
		return true;
	}
	/* Without a policy the domain is left alone, or its error says that nobody knows. */
	if (!managed->policy || managed->detached || is_waiting(managed))
		return false;
	for (size_t i = 0; i < domain->interface_count; i++) {
		if (domain->interfaces[i].kind != INTERFACE_NONE &&
		    is_gap(enforcer, managed, &domain->interfaces[i], ask_kernel, buffer, size))
			return true;
	}
	return lacks_ports(managed, buffer, size) ||
	       holds_secret_device(enforcer, managed, buffer, size) ||
	       is_unseen(enforcer, managed, buffer, size);
}

static bool has_unfiltered_device(const struct enforcer *enforcer,
				  const struct managed_domain *managed)
{
	for (size_t i = 0; i < managed->domain->interface_count; i++) {
		const struct domain_interface *nic = &managed->domain->interfaces[i];
		unsigned int ifindex = locate_device(managed, nic->mac, nic->target);

		if (nic->kind != INTERFACE_NONE && ifindex &&
		    !has_programs(enforcer, ifindex, false))
			return true;
	}
	return false;
}

/* Whether the known causes of the failure are over: a place for a port is free, and no packet
 * socket has the device's frames. */
static bool may_succeed(const struct enforcer *enforcer, const struct managed_port *port)
{
	return port->failed && check_room(enforcer->datapath, 1, NULL, NULL) == 0 &&
	       (enforcer->config->unfilterable != UNFILTERABLE_REFUSE ||
		!is_read_first(&enforcer->handlers->repair.bypasses, port->ifindex));
}

/* Whether ports that failed are to be tried again now. Between two tries is a pause: the cause may
 * be another one. */
static bool is_to_be_retried(const struct enforcer *enforcer, struct managed_domain *managed)
{
	bool wanted = false;

	for (size_t i = 0; i < managed->port_count; i++)
		wanted = wanted || may_succeed(enforcer, &managed->ports[i]);
	if (!wanted || managed->detached || managed->retry > monotonic_usec())
		return false;
	managed->retry = monotonic_usec() + RETRY_PAUSE_USEC;
	return true;
}

/* Logged once, in the round after it was found: when a NIC is unplugged or a domain ends, the
 * device is gone before libvirt says so. */
static void note_gap(struct managed_domain *managed, const char *gap)
{
	bool again = gap && managed->gap && strcmp(managed->gap, gap) == 0;

	if (again && !managed->gap_logged)
		log_warning(managed->domain->name, "%s", gap);
	managed->gap_logged = again;
	if (!again)
		replace_text(&managed->gap, gap);
}

/* Logged once, and not before all libvirts of the settings were connected to. */
static void note_unwatched(const struct enforcer *enforcer, struct managed_domain *managed)
{
	bool unheard = is_unwatched(enforcer, managed) && find_undescribed(enforcer, 1) == NULL;

	if (unheard && !managed->unwatched_logged)
		log_warning(managed->domain->name,
			    "vmseg cannot see changes of the domain: no libvirt-uri of driver %s "
			    "is connected",
			    managed->domain->driver);
	managed->unwatched_logged = unheard;
}

void close_gaps(struct enforcer *enforcer)
{
	look_at_next_processes(enforcer);
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		bool found;
		char gap[GAP_BYTES];

		found = find_gap(enforcer, m, false, gap, sizeof(gap));
		if ((found && has_unfiltered_device(enforcer, m)) ||
		    is_to_be_retried(enforcer, m)) {
			enforce_wanted(enforcer, m);
			found = find_gap(enforcer, m, false, gap, sizeof(gap));
		}
		close_held_devices(enforcer, m);
		close_namesakes(enforcer, m);
		forget_ended_clone(enforcer, m);
		note_gap(m, found ? gap : NULL);
		note_unwatched(enforcer, m);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attached devices without a known domain: new ones, and those of which no state file says whose
 * they are. Each stays closed, or keeps what it has, until one of these says that it is not
 * to be filtered: libvirt, in the description of its domain; every libvirt, when none names it and
 * no domain that may be managed is in doubt; or an administrator. No time-out opens it. A device
 * that an earlier daemon filtered for a domain may be a port domain's, so it stays closed also when
 * no libvirt names it.
 */
#include "hostd/enforce/inventory/unclaimed.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/enforce/inventory/clones.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/holders.h"
#include "hostd/enforce/inventory/libvirts.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/netlink/link_info.h"

/* Libvirt is asked about a device so long after it came. This is not a deadline: libvirt's
 * description of a busy domain, into which a device is just being plugged, is not used. It saves
 * most of the questions, because most devices are claimed at once. */
#define ASK_AFTER_USEC (5 * USEC_PER_SEC)

struct unclaimed_port *find_unclaimed(struct enforcer *enforcer, unsigned int ifindex)
{
	struct unclaimed_port *port;

	HASH_FIND(hh, enforcer->unclaimed, &ifindex, sizeof(ifindex), port);
	return port;
}

static bool is_unheld(unsigned int ifindex)
{
	struct link_info info;

	return read_link_info(ifindex, &info) == 0 && info.is_unheld;
}

void add_unclaimed(struct enforcer *enforcer, unsigned int ifindex, const char *device,
		   bool adopted)
{
	struct unclaimed_port *port = calloc(1, sizeof(*port));

	if (!port)
		return;
	port->ifindex = ifindex;
	strncpy(port->device, device, sizeof(port->device) - 1);
	port->since = monotonic_usec();
	port->adopted = adopted;
	port->unheld = is_unheld(ifindex);
	HASH_ADD(hh, enforcer->unclaimed, ifindex, sizeof(port->ifindex), port);
	if (!was_added(&port->hh))
		free(port);
}

/* What was known of its owner does not count any more. */
static void ask_anew(struct unclaimed_port *port)
{
	port->released = 0;
	port->since = monotonic_usec();
	port->asked = false;
}

void note_held(struct enforcer *enforcer, unsigned int ifindex, bool held)
{
	struct unclaimed_port *port = find_unclaimed(enforcer, ifindex);

	if (!port || port->unheld == !held)
		return;
	port->unheld = !held;
	ask_anew(port);
}

bool rename_unclaimed(struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	struct unclaimed_port *port = find_unclaimed(enforcer, ifindex);

	if (!port)
		return false;
	snprintf(port->device, sizeof(port->device), "%s", device);
	ask_anew(port);
	return true;
}

void claim_device(struct enforcer *enforcer, unsigned int ifindex)
{
	struct unclaimed_port *port = find_unclaimed(enforcer, ifindex);

	if (!port)
		return;
	HASH_DEL(enforcer->unclaimed, port);
	free(port);
}

void release_devices(struct enforcer *enforcer, const struct managed_domain *managed)
{
	for (size_t i = 0; i < managed->domain->interface_count; i++) {
		const struct domain_interface *nic = &managed->domain->interfaces[i];
		bool has_name = nic->target && nic->kind != INTERFACE_NONE;
		unsigned int ifindex = has_name ? if_nametoindex(nic->target) : 0;
		struct unclaimed_port *port = ifindex ? find_unclaimed(enforcer, ifindex) : NULL;

		if (port && port->since <= managed->described &&
		    !find_claimant(enforcer, nic->target, managed)) {
			port->released = monotonic_usec();
			port->named = true;
		}
	}
}

static struct unclaimed_port *find_released(const struct enforcer *enforcer)
{
	struct unclaimed_port *port = enforcer->unclaimed;

	while (port && !port->released)
		port = port->hh.next;
	return port;
}

bool has_released_device(const struct enforcer *enforcer)
{
	return find_released(enforcer);
}

void open_released_device(struct enforcer *enforcer)
{
	struct unclaimed_port *port = find_released(enforcer);
	char doubt[REASON_BYTES];

	if (!port || look_at_unseen_process(enforcer, port->released))
		return;
	if (port->named ? find_secret_holder(enforcer, port->device) != NULL
			: explain_unclaimed(enforcer, port, doubt, sizeof(doubt))) {
		port->released = 0;
		return;
	}
	log_notice(NULL, "%s: %s: not filtered any more", port->device,
		   port->named ? "its domain is not filtered" : "no libvirt knows it");
	detach_port(enforcer->datapath, port->ifindex);
	claim_device(enforcer, port->ifindex);
}

/* ---- who could have it ---------------------------------------------------------------------- */

/* The device is not proven to be that of the domain's NIC of that name. */
static bool is_namesake(const struct managed_domain *managed, const char *device)
{
	for (size_t i = 0; i < managed->domain->interface_count; i++) {
		const struct domain_interface *nic = &managed->domain->interfaces[i];

		if (nic->target && strcmp(nic->target, device) == 0 && find_namesake(managed, nic))
			return true;
	}
	return false;
}

/* Why the device may be this domain's, which may be managed, or its clone's. */
static bool explain_domain(const struct enforcer *enforcer, const struct managed_domain *managed,
			   const char *device, char *buffer, size_t size)
{
	const struct domain *domain = managed->domain;

	if (has_clone_with(managed, device)) {
		snprintf(buffer, size,
			 "it belongs to domain %s, which has the UUID of domain %s and cannot be "
			 "filtered while that runs; to open it, run vmseg port release",
			 managed->clone->domain->name, domain->name);
		return true;
	}
	if (!may_be_managed(managed))
		return false;
	if (managed->unread)
		snprintf(buffer, size,
			 "it may belong to domain %s, whose description cannot be read",
			 domain->name);
	else if (is_namesake(managed, device))
		snprintf(buffer, size,
			 "domain %s names it, but it is not certain that it is the domain's own "
			 "device",
			 domain->name);
	else if (names_device(domain, device))
		snprintf(buffer, size, "it belongs to domain %s, but could not be filtered",
			 domain->name);
	else if (!is_port_domain(domain) && !is_driver_connected(enforcer, domain->driver))
		snprintf(buffer, size,
			 "it may belong to domain %s, and no libvirt-uri of its driver %s is "
			 "connected",
			 domain->name, domain->driver);
	else
		return false;
	return true;
}

bool explain_unclaimed(const struct enforcer *enforcer, const struct unclaimed_port *port,
		       char *buffer, size_t size)
{
	const struct libvirt_source *undescribed =
		find_undescribed(enforcer, port->since + ASK_AFTER_USEC);

	const struct managed_domain *holder = find_secret_holder(enforcer, port->device);
	const struct managed_domain *unseen = find_unseen(enforcer);

	if (holder) {
		snprintf(buffer, size,
			 "the QEMU of domain %s has it open, and the domain's description does not "
			 "name it: vmseg port release opens it",
			 holder->domain->name);
		return true;
	}
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (explain_domain(enforcer, m, port->device, buffer, size))
			return true;
	}
	if (has_bad_state(enforcer))
		snprintf(buffer, size, "it may belong to a domain whose state file cannot be used");
	else if (enforcer->libvirts->count == 0)
		snprintf(buffer, size, "there is no libvirt to ask (libvirt-uri = none)");
	else if (undescribed && !undescribed->described)
		snprintf(buffer, size, "libvirt at %s cannot be asked", undescribed->uri);
	else if (undescribed)
		snprintf(buffer, size, "libvirt at %s is being asked", undescribed->uri);
	else if (port->adopted)
		snprintf(buffer, size,
			 "it was filtered when the daemon started, but no state file and no "
			 "libvirt names its domain: to filter it, run vmseg port attach; to open "
			 "it, run vmseg port release");
	else if (port->unheld)
		snprintf(buffer, size,
			 "it is down or no process has it open, so its owner is not known");
	else if (unseen)
		snprintf(buffer, size,
			 "it may belong to domain %s: vmseg cannot see which devices its QEMU has "
			 "open (%s); to open it, run vmseg port release",
			 unseen->domain->name, explain_unseen(enforcer, unseen));
	else
		return false;
	return true;
}

bool needs_descriptions(struct enforcer *enforcer)
{
	uint64_t now = monotonic_usec();
	struct unclaimed_port *port;
	bool needed = enforcer->libvirts->lists_unknown;

	enforcer->libvirts->lists_unknown = false;
	for (port = enforcer->unclaimed; port; port = port->hh.next) {
		if (port->asked || port->since + ASK_AFTER_USEC > now)
			continue;
		port->asked = true;
		needed = true;
	}
	return needed;
}

void release_unclaimed(struct enforcer *enforcer)
{
	struct unclaimed_port *port, *next;
	char doubt[REASON_BYTES];

	HASH_ITER (hh, enforcer->unclaimed, port, next) {
		if (port->released || explain_unclaimed(enforcer, port, doubt, sizeof(doubt)))
			continue;
		port->released = monotonic_usec();
		port->named = false;
	}
}

void free_unclaimed(struct enforcer *enforcer)
{
	struct unclaimed_port *port, *next;

	HASH_ITER (hh, enforcer->unclaimed, port, next) {
		HASH_DEL(enforcer->unclaimed, port);
		free(port);
	}
}

int note_opened_by_hand(struct enforcer *enforcer, unsigned int ifindex)
{
	unsigned int *grown;

	for (size_t i = 0; i < enforcer->opened_count; i++) {
		if (enforcer->opened[i] == ifindex || enforcer->opened[i] == 0) {
			enforcer->opened[i] = ifindex;
			return 0;
		}
	}
	grown = grow_array(enforcer->opened, enforcer->opened_count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	enforcer->opened = grown;
	grown[enforcer->opened_count++] = ifindex;
	return 0;
}

bool was_opened_by_hand(const struct enforcer *enforcer, unsigned int ifindex)
{
	for (size_t i = 0; i < enforcer->opened_count; i++) {
		if (enforcer->opened[i] == ifindex)
			return true;
	}
	return false;
}

void forget_opened(struct enforcer *enforcer, unsigned int ifindex)
{
	for (size_t i = 0; i < enforcer->opened_count; i++) {
		if (enforcer->opened[i] == ifindex)
			enforcer->opened[i] = 0;
	}
}

const struct unclaimed_port *first_unclaimed_port(struct enforcer *enforcer)
{
	return enforcer->unclaimed;
}

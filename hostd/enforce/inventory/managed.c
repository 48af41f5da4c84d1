/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One running domain: its description, its policy, its ports.
 */
#include "hostd/enforce/inventory/managed.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/text.h"
#include "hostd/enforce/inventory/enforcer.h"

void free_port(struct managed_port *port)
{
	free_port_plan(&port->plan);
	free(TAKE_PTR(port->error));
	free(TAKE_PTR(port->hook_problem));
}

void set_policy(struct managed_domain *managed, struct domain_policy *policy)
{
	const char *text = policy ? managed->domain->metadata : NULL;

	free_domain_policy(&managed->policy);
	free(managed->policy_text);
	managed->policy = policy;
	managed->policy_text = text ? strdup(text) : NULL;
	managed->policy_is_newest = text != NULL;
}

struct managed_domain *new_managed(struct domain *domain, char *xml, struct domain_policy *policy)
{
	struct managed_domain *managed = calloc(1, sizeof(*managed));

	if (managed) {
		managed->domain = domain;
		memcpy(managed->uuid, domain->uuid, sizeof(managed->uuid));
		managed->xml = xml;
		set_policy(managed, policy);
		return managed;
	}
	free_domain(&domain);
	free_domain_policy(&policy);
	free(xml);
	return NULL;
}

void forget_clone(struct managed_domain *managed)
{
	struct clone *clone = TAKE_PTR(managed->clone);

	if (!clone)
		return;
	free_domain(&clone->domain);
	free(clone->xml);
	free(clone);
}

void free_managed(struct managed_domain *managed)
{
	for (size_t i = 0; i < managed->port_count; i++)
		free_port(&managed->ports[i]);
	free(managed->ports);
	free_domain(&managed->domain);
	free_domain_policy(&managed->policy);
	release_library(&managed->library);
	free(managed->policy_text);
	free(managed->xml);
	free(managed->unread_xml);
	free(managed->unread);
	free(managed->error);
	free(managed->gap);
	free_held_devices(&managed->held);
	free(managed->moved);
	forget_clone(managed);
	free(managed);
}

void replace_description(struct managed_domain *managed, struct domain *domain, char *xml)
{
	free_domain(&managed->domain);
	free(managed->xml);
	free(TAKE_PTR(managed->unread_xml));
	replace_text(&managed->unread, NULL);
	managed->domain = domain;
	managed->xml = xml;
	managed->policy_is_newest = false;
	managed->unproven = false;
	forget_returned(managed);
}

void use_library(struct managed_domain *managed, struct library_share *share)
{
	struct library_share *before = managed->library;

	/* Taken before the old one is let go: they may be the same. */
	managed->library = share_library(share);
	release_library(&before);
}

bool may_be_managed(const struct managed_domain *managed)
{
	return is_managed(managed) && !managed->detached;
}

const char *find_present_device(const struct managed_domain *managed)
{
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < managed->port_count; i++) {
		if (managed->ports[i].ifindex && if_indextoname(managed->ports[i].ifindex, name))
			return managed->ports[i].device;
	}
	return NULL;
}

const struct managed_port *find_unnamed_port(const struct managed_domain *managed,
					     const struct domain *domain)
{
	char name[IF_NAMESIZE];

	for (size_t i = 0; i < managed->port_count; i++) {
		const struct managed_port *port = &managed->ports[i];

		if (port->ifindex && if_indextoname(port->ifindex, name) &&
		    !names_device(domain, name) && !names_device(domain, port->device))
			return port;
	}
	return NULL;
}

bool has_device_left(const struct managed_domain *managed)
{
	return find_present_device(managed) ||
	       (managed->moved_count > 0 && may_run(managed->domain));
}

bool is_waiting(const struct managed_domain *managed)
{
	return is_port_domain(managed->domain) && !managed->detached && managed->port_count == 0;
}

void open_pickup(const struct enforcer *enforcer, struct managed_domain *managed)
{
	managed->pickup_until =
		monotonic_usec() + enforcer_config(enforcer)->pickup_window * USEC_PER_SEC;
}

uint32_t pickup_seconds(const struct managed_domain *managed)
{
	uint64_t now = monotonic_usec();

	if (managed->pickup_until <= now)
		return 0;
	return (uint32_t)((managed->pickup_until - now + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/* The device that the NIC has had so far; 0: none. */
static unsigned int present_device(const struct managed_domain *managed, const uint8_t *mac,
				   const char *target)
{
	for (size_t i = 0; i < managed->port_count; i++) {
		const struct managed_port *port = &managed->ports[i];

		if (port->ifindex && memcmp(port->mac, mac, MAC_BYTES) == 0 &&
		    (!target || strcmp(target, port->device) == 0))
			return port->ifindex;
	}
	return 0;
}

static struct moved_device *find_moved(const struct managed_domain *managed, const uint8_t *mac,
				       const char *target)
{
	for (size_t i = 0; target && i < managed->moved_count; i++) {
		struct moved_device *moved = &managed->moved[i];

		if (memcmp(moved->mac, mac, MAC_BYTES) == 0 && strcmp(moved->device, target) == 0)
			return moved;
	}
	return NULL;
}

/* Whether the device of that name may be the NIC's, which has no other. A device that comes back
 * from another network namespace has its number, as long as that is free. */
static bool may_be_its(const struct managed_domain *managed, const uint8_t *mac, const char *target,
		       unsigned int named)
{
	const struct moved_device *moved = find_moved(managed, mac, target);

	return moved ? moved->ifindex == named : !managed->unproven;
}

unsigned int locate_device(const struct managed_domain *managed, const uint8_t *mac,
			   const char *target)
{
	unsigned int present = present_device(managed, mac, target);
	unsigned int named = target ? if_nametoindex(target) : 0;
	char name[IF_NAMESIZE];

	/* A port domain is what its device's name says. */
	if (named && is_port_domain(managed->domain))
		return named;
	if (present && (!named || named == present || if_indextoname(present, name)))
		return present;
	return named && may_be_its(managed, mac, target, named) ? named : 0;
}

unsigned int find_namesake(const struct managed_domain *managed, const struct domain_interface *nic)
{
	bool has_name = nic->target && nic->kind != INTERFACE_NONE;
	unsigned int named = has_name ? if_nametoindex(nic->target) : 0;

	return named && named != locate_device(managed, nic->mac, nic->target) ? named : 0;
}

/* ---- devices in other network namespaces ---------------------------------------------------- */

void note_moved(struct managed_domain *managed, const struct managed_port *port)
{
	struct moved_device *known = find_moved(managed, port->mac, port->device), *grown;

	/* It came back, perhaps with another number, and is gone again. */
	if (known) {
		known->ifindex = port->ifindex;
		return;
	}
	grown = reallocarray(managed->moved, managed->moved_count + 1, sizeof(*grown));
	/* Without memory no device can be proven to be the domain's. */
	if (!grown) {
		managed->unproven = true;
		return;
	}
	managed->moved = grown;
	grown[managed->moved_count] = (struct moved_device){.ifindex = port->ifindex};
	memcpy(grown[managed->moved_count].mac, port->mac, MAC_BYTES);
	memcpy(grown[managed->moved_count].device, port->device, sizeof(port->device));
	managed->moved_count++;
}

static bool is_back(const struct managed_domain *managed, const struct moved_device *moved)
{
	return present_device(managed, moved->mac, moved->device) == moved->ifindex;
}

static bool is_named(const struct managed_domain *managed, const struct moved_device *moved)
{
	for (size_t i = 0; i < managed->domain->interface_count; i++) {
		const struct domain_interface *nic = &managed->domain->interfaces[i];

		if (nic->target && memcmp(nic->mac, moved->mac, MAC_BYTES) == 0 &&
		    strcmp(nic->target, moved->device) == 0)
			return true;
	}
	return false;
}

void forget_returned(struct managed_domain *managed)
{
	size_t kept = 0;

	for (size_t i = 0; i < managed->moved_count; i++) {
		if (!is_back(managed, &managed->moved[i]) && is_named(managed, &managed->moved[i]))
			managed->moved[kept++] = managed->moved[i];
	}
	managed->moved_count = kept;
}

void trust_names(struct managed_domain *managed)
{
	managed->moved_count = 0;
	managed->unproven = false;
}

bool was_moved_away(const struct managed_domain *managed, const struct domain_interface *nic)
{
	return find_moved(managed, nic->mac, nic->target);
}

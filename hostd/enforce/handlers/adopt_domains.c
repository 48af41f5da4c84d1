/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adoption: a new daemon takes over the ports of the last one. The datapath has filtered them all
 * the time; here they get their domains again.
 */
#include "hostd/enforce/handlers/adopt_domains.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/datapath/datapath.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/enforce/handlers/port_domain.h"
#include "hostd/enforce/handlers/refresh.h"
#include "hostd/enforce/handlers/repair.h"
#include "hostd/enforce/inventory/clones.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/groups.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/inventory/unclaimed.h"
#include "hostd/enforce/plan/description.h"
#include "hostd/policy/read/parse.h"

static bool is_same_device(const struct managed_port *port)
{
	char name[IF_NAMESIZE];

	return if_indextoname(port->ifindex, name) && strcmp(name, port->device) == 0;
}

/* Its guest runs, but the datapath does not know the port: its maps had to be made anew. */
static bool has_lost_port(const struct enforcer *enforcer, const struct managed_port *port)
{
	return !is_attached(enforcer->datapath, port->ifindex) &&
	       (is_same_device(port) || is_formerly_filtered(enforcer->datapath, port->ifindex));
}

static bool is_live_port(const struct enforcer *enforcer, const struct managed_port *port)
{
	struct port_status status;

	return has_lost_port(enforcer, port) ||
	       (read_port_status(enforcer->datapath, port->ifindex, &status) == 0 &&
		!status.device_gone);
}

/* Takes over the ports whose device is still there; the others are detached. A device that the
 * domain's QEMU still has open was moved to another network namespace. */
static void adopt_ports(struct enforcer *enforcer, struct managed_domain *managed,
			struct saved_domain *saved)
{
	struct held_devices held = {0};
	size_t kept = 0;

	managed->moved = TAKE_PTR(saved->moved);
	managed->moved_count = saved->moved_count;
	/* If that fails, no device is known to be elsewhere. */
	read_held_devices(managed->domain, &held);
	for (size_t i = 0; i < saved->port_count; i++) {
		const struct managed_port *port = &saved->ports[i];

		if (is_live_port(enforcer, port)) {
			saved->ports[kept++] = *port;
			continue;
		}
		detach_port(enforcer->datapath, port->ifindex);
		if (holds_device(&held, port->device) && !if_nametoindex(port->device))
			note_moved(managed, port);
	}
	free_held_devices(&held);
	managed->ports = TAKE_PTR(saved->ports);
	managed->port_count = kept;
}

/* What a port that is lost had open may be picked up. */
static void open_pickup_window(const struct enforcer *enforcer, struct managed_domain *managed)
{
	for (size_t i = 0; i < managed->port_count; i++)
		if (has_lost_port(enforcer, &managed->ports[i]))
			open_pickup(enforcer, managed);
}

/* What was in force, where the description says something else. Where that cannot be read any more,
 * the ports keep what they have. */
static void read_former_policy(struct managed_domain *managed, struct saved_domain *saved)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain_policy *policy = NULL;

	if (!saved->policy_text ||
	    parse_domain_policy(saved->policy_text, strlen(saved->policy_text),
				managed->domain->name, 0, &policy, &diag) < 0)
		return;
	set_policy(managed, policy);
	free(managed->policy_text);
	managed->policy_text = TAKE_PTR(saved->policy_text);
	managed->policy_is_newest = false;
}

/* A newer description, which could not be read when it came: perhaps it can now. */
static void read_unread(struct managed_domain *managed, struct saved_domain *saved)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	const char *text = "it is read again when libvirt describes the domain";

	if (!saved->unread_xml)
		return;
	if (parse_domain(saved->unread_xml, strlen(saved->unread_xml), &domain, &diag) < 0)
		text = diag_message(&diag);
	managed->unread_xml = TAKE_PTR(saved->unread_xml);
	replace_text(&managed->unread, text);
}

/* Another domain of the same UUID ran, too. */
static void read_clone(const struct enforcer *enforcer, struct managed_domain *managed,
		       const struct saved_domain *saved)
{
	struct domain *domain;

	if (saved->clone_xml &&
	    (parse_domain(saved->clone_xml, strlen(saved->clone_xml), &domain, NULL) < 0 ||
	     note_clone(enforcer, managed, domain, saved->clone_xml) < 0))
		log_error(managed->domain->name,
			  "another running domain has the same UUID, and its saved description "
			  "cannot be read");
}

/* A second file about the same domain or device is refused: the first one is used. */
static int refuse_duplicate(struct enforcer *enforcer, const struct saved_domain *saved,
			    struct diag *diag)
{
	const struct domain *domain = saved->domain;
	const struct managed_domain *other = find_managed(enforcer, domain->uuid);
	const struct managed_port *port;

	if (!other && is_port_domain(domain))
		other = find_port_domain(enforcer, domain->name);
	if (other)
		return fail(diag, EEXIST, NULL, 0,
			    "it describes %s, which is already known as domain %s with UUID %s",
			    domain->name, other->domain->name, other->domain->uuid);
	for (size_t i = 0; i < saved->port_count; i++) {
		other = find_port_owner(enforcer, saved->ports[i].ifindex, &port);
		if (other)
			return fail(diag, EEXIST, NULL, 0,
				    "it names device %s for domain %s, but domain %s has this "
				    "device",
				    saved->ports[i].device, domain->name, other->domain->name);
	}
	return 0;
}

/* A domain as it was saved, with what was in force. NULL: out of memory. */
static struct managed_domain *make_saved(struct saved_domain *saved)
{
	struct managed_domain *managed =
		new_managed(TAKE_PTR(saved->domain), TAKE_PTR(saved->xml), NULL);

	if (!managed)
		return NULL;
	read_former_policy(managed, saved);
	read_unread(managed, saved);
	return managed;
}

static int adopt_domain(struct enforcer *enforcer, struct saved_domain *saved, struct diag *diag)
{
	struct managed_domain *managed;
	int r = refuse_duplicate(enforcer, saved, diag);

	if (r < 0)
		return r;
	managed = make_saved(saved);
	if (!managed)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	if (!insert_managed(enforcer, managed))
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	adopt_ports(enforcer, managed, saved);
	if (saved->port_count > 0 && managed->port_count == 0 && !is_port_domain(managed->domain) &&
	    !may_run(managed->domain)) {
		log_info(managed->domain->name, "has ended while no daemon was running");
		remove_saved_domain(enforcer, managed->domain->uuid);
		drop_managed(enforcer, managed);
		return 0;
	}
	managed->detached = saved->detached;
	managed->unproven = true;
	read_clone(enforcer, managed, saved);
	open_pickup_window(enforcer, managed);
	return 0;
}

/* Groups are made of what the domains' policies say: where nothing else was in force, that is what
 * the description says. */
static void expect_policy(struct enforcer *enforcer, struct managed_domain *managed)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain_policy *policy = NULL;

	if (!managed->policy &&
	    read_domain_policy(enforcer->config, managed->domain, &policy, &diag) == 0)
		set_policy(managed, policy);
}

/* Brings an adopted domain to what is asked for now; where that is bad, what is in force stays, and
 * where nothing is, nothing passes. */
static void renew_domain(struct enforcer *enforcer, struct managed_domain *managed)
{
	if (managed->detached)
		return;
	/* A device that is not filtered yet may have been in use for long. */
	if (is_port_domain(managed->domain) && managed->port_count == 0)
		open_pickup(enforcer, managed);
	renew_port_domain(enforcer, managed);
	if (managed->error || is_waiting(managed))
		return;
	log_info(managed->domain->name, "adopted with %zu port%s", managed->port_count,
		 managed->port_count == 1 ? "" : "s");
}

struct port_list {
	unsigned int *ifindex;
	size_t count, size;
};

static void list_port(unsigned int ifindex, void *context)
{
	struct port_list *list = context;

	if (list->count < list->size)
		list->ifindex[list->count++] = ifindex;
}

static void note_former_port(unsigned int ifindex, const char *device, void *context)
{
	struct enforcer *enforcer = context;
	const struct managed_port *owned;

	if (!find_port_owner(enforcer, ifindex, &owned))
		add_unclaimed(enforcer, ifindex, device, true);
}

/* Whether the port was made for a guest; else it is that of a new device, closed by
 * note_device(). */
static bool has_guest(const uint8_t mac[static MAC_BYTES])
{
	static const uint8_t none[MAC_BYTES];

	return memcmp(mac, none, MAC_BYTES) != 0;
}

/* Ports without a domain: those without a device are detached, the others are unclaimed until
 * libvirt says which domain has them. */
static void collect_unclaimed_ports(struct enforcer *enforcer)
{
	struct datapath_status status;
	struct port_list list = {0};

	read_datapath_status(enforcer->datapath, &status);
	list.size = status.port_count;
	list.ifindex = calloc(list.size + 1, sizeof(*list.ifindex));
	if (!list.ifindex)
		return;
	for_each_port(enforcer->datapath, list_port, &list);
	for (size_t i = 0; i < list.count; i++) {
		const struct managed_port *owned;
		struct port_status port;

		if (find_port_owner(enforcer, list.ifindex[i], &owned) ||
		    read_port_status(enforcer->datapath, list.ifindex[i], &port) < 0)
			continue;
		if (port.device_gone)
			detach_port(enforcer->datapath, list.ifindex[i]);
		else
			add_unclaimed(enforcer, list.ifindex[i], port.ifname, has_guest(port.mac));
	}
	free(list.ifindex);
	for_each_former_port(enforcer->datapath, note_former_port, enforcer);
}

/* Programs that were taken off while no daemon ran are put back before anything else is done. */
static void repair_adopted(struct enforcer *enforcer)
{
	while (repair_ports(enforcer))
		continue;
	request_full_round(enforcer);
}

void adopt_domains(struct enforcer *enforcer)
{
	load_saved_domains(enforcer, adopt_domain);
	/* All are known before any is planned: their rules name each other's groups. */
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		expect_policy(enforcer, m);
	if (build_groups(enforcer->domains, &enforcer->groups) < 0)
		log_error(NULL, "groups are empty: out of memory");
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		renew_domain(enforcer, m);
	/* Port domains may have found their devices. */
	refresh_groups(enforcer);
	collect_unclaimed_ports(enforcer);
	repair_adopted(enforcer);
}

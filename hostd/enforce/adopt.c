/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adoption: a new daemon takes over what the last one left. The datapath has kept filtering all
 * the while; here the ports get their owners back.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/enforce/state.h"

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

/* Ports whose device is still there; the others are detached. */
static size_t keep_live_ports(struct enforcer *enforcer, struct managed_port *ports, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_live_port(enforcer, &ports[i]))
			ports[kept++] = ports[i];
		else
			detach_port(enforcer->datapath, ports[i].ifindex);
	}
	return kept;
}

/* What a port that is lost had open may be picked up. */
static void open_pickup_window(const struct enforcer *enforcer, struct managed_domain *managed)
{
	for (size_t i = 0; i < managed->port_count; i++)
		if (has_lost_port(enforcer, &managed->ports[i]))
			managed->pickup_until =
				monotonic_usec() + enforcer->config->pickup_window * USEC_PER_SEC;
}

/* Reads the description; on failure the domain is unknown and its ports have no owner. */
static struct managed_domain *read_saved(struct enforcer *enforcer, struct saved_domain *saved)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain_policy *policy = NULL;
	struct managed_domain *managed;
	char text[1024];
	int r;

	r = parse_domain(saved->xml, strlen(saved->xml), &domain, &diag);
	if (r < 0) {
		log_error(NULL, "a state file's domain cannot be read: %s",
			  diag_message(&diag, text, sizeof(text)));
		return NULL;
	}
	r = read_domain_policy(enforcer->config, domain, &policy, &diag);
	managed = new_managed(TAKE_PTR(domain), TAKE_PTR(saved->xml), policy);
	if (managed && r < 0)
		set_error(&managed->error, diag_message(&diag, text, sizeof(text)));
	return managed;
}

static void adopt_domain(struct enforcer *enforcer, struct saved_domain *saved)
{
	size_t live = keep_live_ports(enforcer, saved->ports, saved->port_count);
	struct managed_domain *managed = read_saved(enforcer, saved);

	if (!managed)
		return;
	insert_managed(enforcer, managed);
	if (saved->port_count > 0 && live == 0 && !is_port_domain(managed->domain)) {
		log_info(managed->domain->name, "is gone: it stopped while no daemon ran");
		remove_saved_domain(enforcer, managed->domain->uuid);
		drop_managed(enforcer, managed);
		return;
	}
	managed->detached = saved->detached;
	managed->ports = TAKE_PTR(saved->ports);
	managed->port_count = live;
	open_pickup_window(enforcer, managed);
}

/* Brings an adopted domain to what is asked for now; where that is bad, what is in force stays, and
 * where nothing is, nothing passes. */
static void renew_domain(struct enforcer *enforcer, struct managed_domain *managed)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char text[1024];

	if (managed->detached)
		return;
	if (is_port_domain(managed->domain)) {
		/* A device that is not filtered yet may have been in use for long. */
		if (managed->port_count == 0)
			managed->pickup_until =
				monotonic_usec() + enforcer->config->pickup_window * USEC_PER_SEC;
		renew_port_domain(enforcer, managed);
		return;
	}
	if (!managed->error && replan_domain(enforcer, managed, enforcer->library, &diag) < 0)
		set_error(&managed->error, diag_message(&diag, text, sizeof(text)));
	if (managed->error) {
		log_error(managed->domain->name, "keeps the policy in force: %s", managed->error);
		apply_closed(enforcer, managed, managed->domain);
	} else {
		log_info(managed->domain->name, "adopted with %zu port%s", managed->port_count,
			 managed->port_count == 1 ? "" : "s");
	}
	save_domain(enforcer, managed);
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
		add_unclaimed(enforcer, ifindex, device);
}

/* Ports without an owner: those of devices that are gone go, the others wait for libvirt's word. */
static void sort_out_orphans(struct enforcer *enforcer)
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
			add_unclaimed(enforcer, list.ifindex[i], port.ifname);
	}
	free(list.ifindex);
	for_each_former_port(enforcer->datapath, note_former_port, enforcer);
}

/* Programs that went while nobody looked are back before anything else is done. */
static void repair_adopted(struct enforcer *enforcer)
{
	while (repair_ports(enforcer))
		continue;
	expect_repairs(enforcer);
}

void adopt_domains(struct enforcer *enforcer)
{
	load_saved_domains(enforcer, adopt_domain);
	/* All are known before any is planned: their rules name each other's groups. */
	if (build_groups(enforcer->domains, &enforcer->groups) < 0)
		log_error(NULL, "groups are empty: out of memory");
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		renew_domain(enforcer, m);
	/* Port domains may have found their devices. */
	refresh_groups(enforcer);
	sort_out_orphans(enforcer);
	repair_adopted(enforcer);
}

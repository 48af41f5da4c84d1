/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts a plan in force: a domain's ports change from the present set to the next.
 */
#include "hostd/enforce/apply/apply.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/ports/update.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/apply/attach_device.h"
#include "hostd/enforce/apply/bypass.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/unclaimed.h"

/* The next set of ports; what is not moved into it by the end is detached. */
struct transition {
	struct enforcer *enforcer;
	struct managed_domain *managed;
	struct managed_port *ports;
	size_t count;
	bool fresh; /* no guest has the devices yet */
};

static int begin_transition(struct enforcer *enforcer, struct managed_domain *managed,
			    size_t capacity, struct transition *ret)
{
	struct managed_port *ports = calloc(capacity + 1, sizeof(*ports));

	if (!ports)
		return -ENOMEM;
	*ret = (struct transition){enforcer, managed, ports, 0, false};
	return 0;
}

/* The domain's present port on this device, or NULL. */
static struct managed_port *present_port(struct managed_domain *managed, unsigned int ifindex)
{
	for (size_t i = 0; ifindex && i < managed->port_count; i++) {
		if (managed->ports[i].ifindex == ifindex)
			return &managed->ports[i];
	}
	return NULL;
}

static struct managed_port *add_port(struct transition *transition, const uint8_t *mac,
				     const char *device, unsigned int ifindex)
{
	struct managed_port *port = &transition->ports[transition->count++];

	memcpy(port->mac, mac, MAC_BYTES);
	if (device)
		strncpy(port->device, device, sizeof(port->device) - 1);
	else
		if_indextoname(ifindex, port->device);
	port->ifindex = ifindex;
	return port;
}

static bool was_moved(const struct transition *transition, unsigned int ifindex)
{
	for (size_t i = 0; i < transition->count; i++) {
		if (transition->ports[i].ifindex == ifindex)
			return true;
	}
	return false;
}

/* Detaches a device. If another domain's description names it, it stays as it is until that domain
 * has it. */
static void open_or_hand_over(struct enforcer *enforcer, const struct managed_domain *managed,
			      const struct managed_port *port)
{
	struct managed_domain *claimant = find_claimant(enforcer, port->device, managed);

	if (!claimant) {
		detach_port(enforcer->datapath, port->ifindex);
		return;
	}
	add_unclaimed(enforcer, port->ifindex, port->device, false);
	claimant->outdated = true;
	enforcer->outdated = true;
}

static void end_transition(struct transition *transition)
{
	struct managed_domain *managed = transition->managed;

	for (size_t i = 0; i < transition->count; i++)
		claim_device(transition->enforcer, transition->ports[i].ifindex);
	for (size_t i = 0; i < managed->port_count; i++) {
		struct managed_port *port = &managed->ports[i];

		if (port->ifindex && !was_moved(transition, port->ifindex))
			open_or_hand_over(transition->enforcer, managed, port);
		free_port(port);
	}
	free(managed->ports);
	managed->ports = transition->ports;
	managed->port_count = transition->count;
}

/* Whether the domain has the device as a port that passes packets. */
static bool is_open_port(struct transition *transition, unsigned int ifindex)
{
	return present_port(transition->managed, ifindex) &&
	       !is_closed_port(transition->enforcer->datapath, ifindex);
}

/* Puts a plan in force on a device, whether or not it has one already. A port that is open stays so
 * when a packet socket comes, which may be a sniffer's; one that is closed is not opened then. */
static int bring_up(struct transition *transition, struct port_plan *plan, unsigned int ifindex,
		    struct diag *diag)
{
	struct enforcer *enforcer = transition->enforcer;
	struct port_config config = plan->config;
	int r = 0;

	if (!plan->closed && !is_open_port(transition, ifindex) &&
	    enforcer->config->unfilterable == UNFILTERABLE_REFUSE)
		r = refuse_bypass(ifindex, plan->target ? plan->target : "the device", diag);
	if (r < 0)
		return r;
	config.fresh = transition->fresh;
	/* A former port is taken over whenever that becomes possible: its sessions end then. */
	config.pickup_seconds = is_formerly_filtered(enforcer->datapath, ifindex)
					? enforcer->config->pickup_window
					: pickup_seconds(transition->managed);
	if (!is_attached(enforcer->datapath, ifindex))
		r = attach_device(enforcer, ifindex, &config, plan->image, diag);
	else if (!plan->in_force)
		r = update_port(enforcer->datapath, ifindex, &config, plan->image, diag);
	if (r < 0)
		return fail(diag, -r, plan->target, 0, "%s", strerror(-r));
	free_image(&plan->image);
	return 0;
}

/* Another domain that has the device. */
static const struct managed_domain *find_other_owner(struct enforcer *enforcer,
						     const struct managed_domain *managed,
						     unsigned int ifindex)
{
	const struct managed_port *port;
	const struct managed_domain *owner = find_port_owner(enforcer, ifindex, &port);

	return owner != managed ? owner : NULL;
}

static int find_device(struct enforcer *enforcer, const struct managed_domain *managed,
		       const struct port_plan *plan, unsigned int *ret, struct diag *diag)
{
	unsigned int ifindex = locate_device(managed, plan->mac, plan->target);
	const struct managed_domain *other = find_other_owner(enforcer, managed, ifindex);
	char mac[MAC_TEXT_BYTES];

	format_mac(plan->mac, mac);
	if (!ifindex && plan->target && if_nametoindex(plan->target))
		return fail(diag, ENODEV, NULL, 0,
			    "interface %s has no host device: it is not certain that %s is its",
			    mac, plan->target);
	if (!ifindex)
		return fail(diag, ENODEV, NULL, 0, "interface %s has no host device%s%s", mac,
			    plan->target ? ": there is no " : "", plan->target ? plan->target : "");
	if (other)
		return fail(diag, EBUSY, NULL, 0,
			    "device %s is filtered for domain %s (to release it: vmseg %s %s)",
			    plan->target ? plan->target : mac, other->domain->name,
			    is_port_domain(other->domain) ? "port detach" : "detach",
			    other->domain->name);
	*ret = ifindex;
	return 0;
}

/* From now on nothing passes an attached device. If that fails, it keeps what it has. */
static void close_port(struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	const struct domain_interface nic = {0};
	_cleanup_(free_port_plan) struct port_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	int r = plan_closed(&nic, &plan);

	if (r == 0)
		r = update_port(enforcer->datapath, ifindex, &plan->config, plan->image, &diag);
	if (r < 0) {
		fail(&diag, -r, NULL, 0, "%s", strerror(-r));
		log_error(NULL, "device %s keeps its policy, because it cannot be closed: %s",
			  device, diag_message(&diag));
	}
}

/* What the domain had before stays filtered, and what nobody had stays closed. */
static void undo_transition(struct transition *transition)
{
	struct enforcer *enforcer = transition->enforcer;

	for (size_t i = 0; i < transition->count; i++) {
		struct managed_port *port = &transition->ports[i];

		if (find_unclaimed(enforcer, port->ifindex))
			close_port(enforcer, port->ifindex, port->device);
		else if (!present_port(transition->managed, port->ifindex))
			detach_port(enforcer->datapath, port->ifindex);
		free_port(port);
	}
	free(transition->ports);
}

/* Nothing is changed for a domain that lacks a device. */
static int check_devices(struct enforcer *enforcer, const struct managed_domain *managed,
			 const struct domain_plan *plan, struct diag *diag)
{
	unsigned int ifindex;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->port_count; i++)
		r = find_device(enforcer, managed, plan->ports[i], &ifindex, diag);
	return r;
}

int apply_new_plan(struct enforcer *enforcer, struct managed_domain *managed,
		   struct domain_plan *plan, struct diag *diag)
{
	struct transition transition = {0};
	int r = begin_transition(enforcer, managed, plan->port_count, &transition);

	if (r == 0)
		r = check_devices(enforcer, managed, plan, diag);
	transition.fresh = !is_port_domain(managed->domain);
	for (size_t i = 0; r == 0 && i < plan->port_count; i++) {
		struct port_plan *next = plan->ports[i];
		unsigned int ifindex = 0;

		r = find_device(enforcer, managed, next, &ifindex, diag);
		if (r == 0)
			r = bring_up(&transition, next, ifindex, diag);
		if (r == 0)
			add_port(&transition, next->mac, next->target, ifindex)->plan =
				TAKE_PTR(plan->ports[i]);
	}
	if (r == -ENOMEM)
		fail(diag, ENOMEM, managed->domain->name, 0, "out of memory");
	if (r < 0) {
		if (transition.ports)
			undo_transition(&transition);
		return r;
	}
	end_transition(&transition);
	return 0;
}

static bool is_filtered(const struct datapath *datapath, unsigned int ifindex)
{
	return is_attached(datapath, ifindex) || is_formerly_filtered(datapath, ifindex);
}

/* The port was closed by an earlier daemon. */
static void note_closed(struct managed_port *port, const struct domain_interface *nic)
{
	if (plan_closed(nic, &port->plan) == 0)
		free_image(&port->plan->image);
}

/* What cannot be brought to its plan keeps its old one; a new device passes nothing. */
static void fall_back(struct transition *transition, struct managed_port *port,
		      const struct domain_interface *nic)
{
	struct managed_port *present = present_port(transition->managed, port->ifindex);
	_cleanup_(clear_diag) struct diag diag = {0};
	int r;

	if (present && is_filtered(transition->enforcer->datapath, port->ifindex)) {
		port->plan = TAKE_PTR(present->plan);
		if (!port->plan && is_closed_port(transition->enforcer->datapath, port->ifindex))
			note_closed(port, nic);
		return;
	}
	r = port->ifindex ? plan_closed(nic, &port->plan) : 0;
	if (r == 0 && port->plan)
		r = bring_up(transition, port->plan, port->ifindex, &diag);
	if (r < 0) {
		free_port_plan(&port->plan);
		port->ifindex = 0;
	}
}

/* A port does not repeat its domain's error. */
static void note_port_error(const struct managed_domain *managed, struct managed_port *port,
			    const char *text)
{
	if (text && managed->error && strcmp(managed->error, text) == 0)
		text = NULL;
	replace_text(&port->error, text);
}

/* The domain's present port of that NIC has the same error. */
static bool has_port_error(const struct managed_domain *managed, const struct managed_port *port)
{
	for (size_t i = 0; i < managed->port_count; i++) {
		const struct managed_port *present = &managed->ports[i];

		if (memcmp(present->mac, port->mac, MAC_BYTES) == 0 && present->error &&
		    strcmp(present->error, port->error) == 0)
			return true;
	}
	return false;
}

static void fail_port(struct transition *transition, struct managed_port *port,
		      struct port_plan *plan, const char *error)
{
	struct domain_interface nic = {.type = plan->type, .target = plan->target};

	memcpy(nic.mac, plan->mac, MAC_BYTES);
	note_port_error(transition->managed, port, error);
	if (port->error && !has_port_error(transition->managed, port))
		log_error(transition->managed->domain->name, "interface on %s: %s",
			  plan->target ? plan->target : "no device", port->error);
	fall_back(transition, port, &nic);
}

/* Moves one NIC of the plan into the next set. `problem` is why ports that are attached already
 * could not be updated; NULL: they were. */
static void apply_port_plan(struct transition *transition, struct port_plan *plan,
			    const char *problem)
{
	_cleanup_(free_port_plan) struct port_plan *next = plan;
	_cleanup_(clear_diag) struct diag diag = {0};
	struct managed_port *port;
	unsigned int ifindex = 0;
	int r = find_device(transition->enforcer, transition->managed, next, &ifindex, &diag);

	port = add_port(transition, next->mac, next->target, ifindex);
	if (r == 0 && !next->image)
		r = fail(&diag, EINVAL, NULL, 0, "%s", next->error);
	else if (r == 0 && problem && present_port(transition->managed, ifindex))
		r = fail(&diag, EIO, NULL, 0, "%s", problem);
	else if (r == 0) {
		r = bring_up(transition, next, ifindex, &diag);
		port->failed = r < 0;
	}
	if (r < 0) {
		fail_port(transition, port, next, diag_message(&diag));
		return;
	}
	note_port_error(transition->managed, port, next->error);
	port->plan = TAKE_PTR(next);
}

/* Ports that the plan is not about. */
static void keep_others(struct transition *transition)
{
	struct managed_domain *managed = transition->managed;

	for (size_t i = 0; i < managed->port_count; i++) {
		if (was_moved(transition, managed->ports[i].ifindex))
			continue;
		transition->ports[transition->count++] = managed->ports[i];
		managed->ports[i] = (struct managed_port){0};
	}
}

static void apply_domain_plan(struct enforcer *enforcer, const struct planned *item,
			      const char *problem)
{
	struct transition transition;

	if (begin_transition(enforcer, item->managed,
			     item->plan->port_count + item->managed->port_count, &transition) < 0) {
		log_error(item->managed->domain->name, "stays as it is: out of memory");
		replace_text(&item->managed->error,
			     "the new configuration is not in force: out of memory");
		return;
	}
	for (size_t i = 0; i < item->plan->port_count; i++) {
		struct port_plan **plan = &item->plan->ports[i];

		/* A port domain waits for its device; that is no error. */
		if (is_port_domain(item->managed->domain) &&
		    !locate_device(item->managed, (*plan)->mac, (*plan)->target))
			continue;
		apply_port_plan(&transition, TAKE_PTR(*plan), problem);
	}
	if (item->plan->partial)
		keep_others(&transition);
	end_transition(&transition);
}

static void apply_one(struct enforcer *enforcer, const struct planned *item)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	int r = update_present_ports(enforcer, item, 1, &diag);

	apply_domain_plan(enforcer, item, r < 0 ? diag_message(&diag) : NULL);
}

void apply_plans(struct enforcer *enforcer, const struct planned *items, size_t count)
{
	/* All at once is quick, and fails as a whole: then each for itself. */
	if (count > 1 && update_present_ports(enforcer, items, count, NULL) == 0) {
		for (size_t i = 0; i < count; i++)
			apply_domain_plan(enforcer, &items[i], NULL);
		return;
	}
	for (size_t i = 0; i < count; i++)
		apply_one(enforcer, &items[i]);
}

void apply_closed(struct enforcer *enforcer, struct managed_domain *managed,
		  const struct domain *domain)
{
	struct transition transition;

	if (begin_transition(enforcer, managed, domain->interface_count, &transition) < 0)
		return;
	for (size_t i = 0; i < domain->interface_count; i++) {
		const struct domain_interface *nic = &domain->interfaces[i];
		unsigned int ifindex = locate_device(managed, nic->mac, nic->target);

		if (nic->kind != INTERFACE_NONE && ifindex &&
		    !find_other_owner(enforcer, managed, ifindex))
			fall_back(&transition,
				  add_port(&transition, nic->mac, nic->target, ifindex), nic);
	}
	end_transition(&transition);
}

void detach_ports(struct enforcer *enforcer, struct managed_domain *managed)
{
	struct transition transition = {enforcer, managed, NULL, 0, false};

	end_transition(&transition);
}

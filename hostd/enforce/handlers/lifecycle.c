/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the libvirt hook asks for: check a domain's policy before it starts, attach its devices
 * before its CPUs run, clean up when it has ended.
 */
#include "hostd/enforce/handlers/lifecycle.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/enforce/apply/apply.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/handlers/arrivals.h"
#include "hostd/enforce/handlers/chores.h"
#include "hostd/enforce/handlers/policed.h"
#include "hostd/enforce/handlers/reconcile.h"
#include "hostd/enforce/handlers/refresh.h"
#include "hostd/enforce/inventory/clones.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/inventory/plan_inputs.h"
#include "hostd/enforce/inventory/unclaimed.h"
#include "hostd/enforce/plan/description.h"
#include "hostd/enforce/plan/veth.h"

#define UUID_BYTES sizeof(((struct domain *)0)->uuid)

/* Could the domain's policy be enforced? Also returns its UUID; *ret_plan NULL: unmanaged. */
static int check_start(struct enforcer *enforcer, const char *xml, char uuid[static UUID_BYTES],
		       struct domain_plan **ret_plan, struct diag *diag)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	struct plan_inputs inputs = plan_inputs(enforcer, enforcer->library);
	int r = read_description(enforcer->config, xml, &domain, &policy, diag);

	if (r < 0)
		return r;
	memcpy(uuid, domain->uuid, UUID_BYTES);
	if (!policy)
		return expect_policed_start(enforcer, domain);
	r = refuse_policed(enforcer, domain, diag);
	return r < 0 ? r : plan_domain(&inputs, domain, policy, ret_plan, diag);
}

int prepare_domain(struct enforcer *enforcer, const char *xml, struct diag *diag)
{
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	char uuid[UUID_BYTES];
	int r = check_start(enforcer, xml, uuid, &plan, diag);

	if (r == 0 && plan)
		reserve_slots_later(enforcer, plan);
	return r;
}

int prepare_incoming_domain(struct enforcer *enforcer, const char *xml, struct diag *diag)
{
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	char uuid[UUID_BYTES] = "";
	int r = check_start(enforcer, xml, uuid, &plan, diag);

	return r < 0 ? r : note_arrival(enforcer, uuid);
}

/* A domain of this UUID that is known has ended unseen, or runs elsewhere: in another libvirt, as a
 * clone. Devices that both have go over to the new one if it is the same domain and is filtered.
 * Every other device that exists may be in use. `policy` NULL: the new one is not filtered. */
static int check_successor(const struct managed_domain *former, const struct domain *domain,
			   const struct domain_policy *policy, struct diag *diag)
{
	const struct managed_port *port = find_unnamed_port(former, domain);
	const char *device = port ? port->device : NULL;

	if (!policy || !is_same_domain(former->domain, domain))
		device = find_present_device(former);
	if (!device)
		return 0;
	return fail(diag, EBUSY, NULL, 0,
		    "device %s still exists and is filtered for domain %s, which has the same UUID "
		    "(to release it: vmseg detach %s)",
		    device, former->domain->name, former->domain->name);
}

static void move_ports(struct managed_domain *from, struct managed_domain *to)
{
	to->ports = TAKE_PTR(from->ports);
	to->port_count = from->port_count;
	from->port_count = 0;
}

/* Exchanges all but the place in the table. The UUID is the same. */
static void swap_contents(struct managed_domain *a, struct managed_domain *b)
{
	UT_hash_handle place_a = a->hh, place_b = b->hh;
	struct managed_domain contents = *a;

	*a = *b;
	*b = contents;
	a->hh = place_a;
	b->hh = place_b;
}

static int attach_all(struct enforcer *enforcer, struct managed_domain *managed, struct diag *diag)
{
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	struct plan_inputs inputs = plan_inputs(enforcer, enforcer->library);
	int r;

	if (!managed->policy) {
		detach_ports(enforcer, managed);
		release_devices(enforcer, managed);
		remove_saved_domain(enforcer, managed->uuid);
		return 0;
	}
	r = plan_domain(&inputs, managed->domain, managed->policy, &plan, diag);
	if (r < 0)
		return r;
	managed->library = share_library(enforcer->library);
	return apply_new_plan(enforcer, managed, plan, diag);
}

/* Its description is good. `former` is NULL, or has what was in force before in its place in the
 * table, and has it again when the start fails. Takes over managed. */
static int start_managed(struct enforcer *enforcer, struct managed_domain *managed,
			 struct managed_domain *former, struct diag *diag)
{
	struct managed_domain *before = NULL;
	int r;

	managed->touched = managed->described = monotonic_usec();
	if (former) {
		swap_contents(managed, former);
		before = managed;
		managed = former;
		move_ports(before, managed);
	} else if (!insert_managed(enforcer, managed)) {
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	}
	forget_policed_start(enforcer, managed->uuid);
	begin_arrival(enforcer, managed);
	r = attach_all(enforcer, managed, diag);
	if (r < 0 && before) {
		move_ports(managed, before);
		swap_contents(managed, before);
		enforce_wanted(enforcer, managed);
	} else if (r < 0) {
		remove_saved_domain(enforcer, managed->uuid);
		drop_managed(enforcer, managed);
	}
	if (before && r == 0)
		managed->clone = TAKE_PTR(before->clone);
	if (before)
		free_managed(before);
	return r;
}

int start_domain(struct enforcer *enforcer, const char *xml, struct diag *diag)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	struct managed_domain *managed, *former;
	char uuid[UUID_BYTES];
	char *copy;
	int r = read_description(enforcer->config, xml, &domain, &policy, diag);

	if (r < 0)
		return r;
	find_veth_targets(domain);
	memcpy(uuid, domain->uuid, UUID_BYTES);
	former = find_managed(enforcer, uuid);
	r = former ? check_successor(former, domain, policy, diag) : 0;
	if (r < 0)
		return r;
	copy = strdup(xml);
	managed = copy ? new_managed(TAKE_PTR(domain), copy, TAKE_PTR(policy)) : NULL;
	if (!managed)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	r = start_managed(enforcer, managed, former, diag);
	managed = find_managed(enforcer, uuid);
	if (r == 0 && managed->policy) {
		save_domain(enforcer, managed);
		log_info(managed->domain->name, "started with %zu filtered port%s",
			 managed->port_count, managed->port_count == 1 ? "" : "s");
		log_warnings(managed->domain, diag);
	}
	refresh_groups(enforcer);
	return r;
}

void stop_domain(struct enforcer *enforcer, const char *uuid)
{
	struct managed_domain *managed = find_managed(enforcer, uuid);
	_cleanup_free_ char *clone = NULL;

	drop_arrival(enforcer, uuid);
	forget_policed_start(enforcer, uuid);
	remove_saved_domain(enforcer, uuid);
	if (!managed)
		return;
	if (managed->policy)
		log_info(managed->domain->name, "stopped");
	clone = managed->clone ? TAKE_PTR(managed->clone->xml) : NULL;
	detach_ports(enforcer, managed);
	drop_managed(enforcer, managed);
	refresh_groups(enforcer);
	/* Now the other domain of this UUID can be filtered. */
	if (clone)
		reconcile_domain(enforcer,
				 &(struct domain_event){.xml = clone, .seen = monotonic_usec()});
}

static bool has_port(const struct managed_domain *managed, const char *device)
{
	for (size_t i = 0; i < managed->port_count; i++) {
		if (strcmp(managed->ports[i].device, device) == 0)
			return true;
	}
	return false;
}

/* Whether what has ended is another domain of the same UUID, a clone in another libvirt. Libvirt
 * still names the devices when the domain has stopped; when it releases the domain, only those that
 * it has not made itself. */
static bool is_others_end(const struct managed_domain *managed, const struct domain *domain,
			  bool released)
{
	bool named = false;

	if (!find_present_device(managed))
		return false;
	if (!is_same_domain(managed->domain, domain))
		return true;
	for (size_t i = 0; i < domain->interface_count; i++) {
		const char *device = domain->interfaces[i].target;

		if (device && has_port(managed, device))
			return false;
		named = named || device;
	}
	return named || released;
}

int end_domain(struct enforcer *enforcer, const char *xml, bool released, struct diag *diag)
{
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct managed_domain *managed;
	int r = parse_domain(xml, strlen(xml), &domain, NULL);

	if (r < 0)
		r = parse_identity(xml, strlen(xml), &domain, diag);
	if (r < 0)
		return r;
	managed = find_managed(enforcer, domain->uuid);
	if (managed && is_others_end(managed, domain, released)) {
		log_warning(managed->domain->name,
			    "the hook reported the end of another domain of the same UUID, %s of "
			    "driver %s: %s stays filtered",
			    domain->name, domain->driver, find_present_device(managed));
		forget_clone(managed);
		save_domain(enforcer, managed);
		return 0;
	}
	stop_domain(enforcer, domain->uuid);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices that libvirt does not manage. Each is a domain of its own, known by the device's name,
 * from the request that defines it to the request that removes it. In between the device may come
 * and go: each device of that name is filtered by the domain's policy.
 */
#include "hostd/enforce/handlers/port_domain.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <systemd/sd-id128.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/enforce/apply/apply.h"
#include "hostd/enforce/apply/batch.h"
#include "hostd/enforce/apply/guest_end.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/handlers/lifecycle.h"
#include "hostd/enforce/handlers/refresh.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/inventory/plan_inputs.h"
#include "hostd/enforce/inventory/state_file.h"
#include "hostd/enforce/plan/description.h"
#include "hostd/netlink/link_info.h"

/* ---- the device ----------------------------------------------------------------------------- */

/* The type that is shown is not in the description: the next device of that name may be of another
 * kind. */
static int note_kinds(struct domain *domain)
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		struct domain_interface *nic = &domain->interfaces[i];
		unsigned int ifindex = if_nametoindex(nic->target);
		struct link_info info;
		char *type;

		if (!ifindex || read_link_info(ifindex, &info) < 0)
			continue;
		/* What the kernel calls a "tun" is a tap if it has Ethernet frames. */
		type = strdup(strcmp(info.kind, "tun") == 0 ? "tap" : info.kind);
		if (!type)
			return -ENOMEM;
		free(nic->type);
		nic->type = type;
	}
	return 0;
}

/* A domain of libvirt's that has the device, filtered or not. */
static const struct managed_domain *find_libvirt_owner(const struct enforcer *enforcer,
						       const char *device)
{
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		for (size_t i = 0; !is_port_domain(m->domain) && i < m->domain->interface_count;
		     i++) {
			const char *target = m->domain->interfaces[i].target;

			if (target && strcmp(target, device) == 0)
				return m;
		}
	}
	return NULL;
}

/* Can it be a port domain's from now on? */
static int check_device(struct enforcer *enforcer, const char *device, unsigned int ifindex,
			bool force, struct diag *diag)
{
	const struct managed_domain *owner = find_libvirt_owner(enforcer, device);
	const struct managed_port *port;
	struct link_info info;
	int r;

	if (!owner)
		owner = find_port_owner(enforcer, ifindex, &port);
	if (owner && is_port_domain(owner->domain))
		return fail(diag, EEXIST, NULL, 0, "%s is already filtered, as port %s", device,
			    owner->domain->name);
	if (owner)
		return fail(diag, EBUSY, NULL, 0,
			    "%s belongs to domain %s: use the metadata of that domain", device,
			    owner->domain->name);
	if (is_name_taken(enforcer, device))
		return fail(diag, EEXIST, NULL, 0, "there is a domain with the name %s", device);
	r = read_link_info(ifindex, &info);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "%s: %s", device, strerror(-r));
	if (!info.is_ethernet)
		return fail(diag, EOPNOTSUPP, NULL, 0, "%s is not an Ethernet device", device);
	return force ? 0 : refuse_host_device(ifindex, device, diag);
}

/* ---- defining ------------------------------------------------------------------------------- */

/* A domain that is new here; its device may have been in use for long. */
static int add_port_domain(struct enforcer *enforcer, struct managed_domain *managed,
			   struct domain_plan *plan, struct diag *diag)
{
	int r;

	open_pickup(enforcer, managed);
	use_library(managed, enforcer->library);
	if (!insert_managed(enforcer, managed))
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	r = apply_new_plan(enforcer, managed, plan, diag);
	if (r == 0)
		r = write_saved_domain(enforcer, managed, diag);
	if (r < 0) {
		detach_ports(enforcer, managed);
		drop_managed(enforcer, managed);
		return r;
	}
	log_notice(managed->domain->name, "filtered from now on");
	refresh_groups(enforcer);
	return 0;
}

/* Takes over domain, xml and policy on success. */
static int change_port_domain(struct enforcer *enforcer, struct managed_domain *managed,
			      struct domain **domain, char **xml, struct domain_policy **policy,
			      struct domain_plan *plan, struct diag *diag)
{
	const struct planned item = {managed, plan};
	int r = update_present_ports(enforcer, &item, 1, diag);

	if (r < 0)
		return r;
	replace_description(managed, TAKE_PTR(*domain), TAKE_PTR(*xml));
	set_policy(managed, TAKE_PTR(*policy));
	managed->detached = false;
	replace_text(&managed->error, NULL);
	use_library(managed, enforcer->library);
	apply_plans(enforcer, &item, 1);
	log_notice(managed->domain->name, "filtered with the new settings");
	refresh_groups(enforcer);
	return write_saved_domain(enforcer, managed, diag);
}

static int describe(struct enforcer *enforcer, const struct port_description *description,
		    const struct managed_domain *present, char **ret, struct diag *diag)
{
	char uuid[SD_ID128_UUID_STRING_MAX];
	sd_id128_t id;
	int r = sd_id128_randomize(&id);

	if (r < 0)
		return fail(diag, -r, NULL, 0, "no random number for a UUID: %s", strerror(-r));
	r = write_port_domain(description,
			      present ? present->domain->uuid : sd_id128_to_uuid_string(id, uuid),
			      ret);
	return r < 0 ? fail(diag, -r, NULL, 0, "%s: cannot create its description: %s",
			    description->device, strerror(-r))
		     : 0;
}

/* The description becomes a domain and its plan, and they become what is in force. */
static int enforce_description(struct enforcer *enforcer,
			       const struct port_description *description,
			       struct managed_domain *present, struct diag *diag)
{
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	_cleanup_(free_domain_plan) struct domain_plan *plan = NULL;
	_cleanup_(free_domain) struct domain *domain = NULL;
	struct plan_inputs inputs = plan_inputs(enforcer, enforcer->library);
	_cleanup_free_ char *xml = NULL;
	struct managed_domain *managed;
	int r = describe(enforcer, description, present, &xml, diag);

	if (r == 0)
		r = read_description(enforcer->config, xml, &domain, &policy, diag);
	if (r == 0)
		r = note_kinds(domain);
	if (r == 0)
		r = plan_domain(&inputs, domain, policy, &plan, diag);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "%s: %s", description->device, strerror(-r));
	if (present)
		return change_port_domain(enforcer, present, &domain, &xml, &policy, plan, diag);
	managed = new_managed(TAKE_PTR(domain), TAKE_PTR(xml), TAKE_PTR(policy));
	if (!managed)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	return add_port_domain(enforcer, managed, plan, diag);
}

int define_port(struct enforcer *enforcer, const struct port_description *description, bool replace,
		bool force, struct diag *diag)
{
	struct port_description canonical = *description;
	struct managed_domain *present = find_port_domain(enforcer, description->device);
	unsigned int ifindex = if_nametoindex(description->device);
	char device[IF_NAMESIZE];
	int r = 0;

	if (present && !replace)
		return fail(diag, EEXIST, NULL, 0,
			    "%s is already filtered (use --replace to replace its settings)",
			    description->device);
	if (!present && !ifindex)
		return fail(diag, ENODEV, NULL, 0, "there is no device %s", description->device);
	/* It may have been called by an alternative name. */
	if (!present && if_indextoname(ifindex, device))
		canonical.device = device;
	if (!present)
		r = check_device(enforcer, canonical.device, ifindex, force, diag);
	return r < 0 ? r : enforce_description(enforcer, &canonical, present, diag);
}

int undefine_port(struct enforcer *enforcer, const char *device, struct diag *diag)
{
	struct managed_domain *managed = find_port_domain(enforcer, device);
	int r;

	if (!managed)
		return fail(
			diag, ENOENT, NULL, 0,
			"%s was not attached by \"vmseg port attach\": there is nothing to detach",
			device);
	/* The next daemon would filter again what stays on disk. */
	r = remove_state_file(enforcer->directories.ports, managed->domain->uuid);
	if (r < 0)
		return fail(
			diag, -r, enforcer->directories.ports, 0,
			"the state file of %s cannot be removed, so the device stays attached: %s",
			device, strerror(-r));
	log_notice(device, "no longer filtered");
	stop_domain(enforcer, managed->domain->uuid);
	return 0;
}

/* ---- devices that come ---------------------------------------------------------------------- */

void renew_port_domain(struct enforcer *enforcer, struct managed_domain *managed)
{
	if (is_port_domain(managed->domain))
		note_kinds(managed->domain);
	enforce_wanted(enforcer, managed);
}

bool filter_port_device(struct enforcer *enforcer, const char *device)
{
	struct managed_domain *managed = find_port_domain(enforcer, device);

	if (!managed)
		return false;
	log_notice(device, "its device has appeared: filtered");
	/* It is a new device: nothing holds from the last one. */
	managed->detached = false;
	managed->pickup_until = 0;
	note_kinds(managed->domain);
	/* The device is closed at once, because the policy takes longer. */
	apply_closed(enforcer, managed, managed->domain);
	renew_port_domain(enforcer, managed);
	refresh_groups(enforcer);
	return true;
}

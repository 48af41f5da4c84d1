/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quarantine: a device passes nothing until its domain is known.
 */
#include "hostd/enforce/handlers/quarantine.h"

#include <fnmatch.h>
#include <net/if.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/datapath/ports/former.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/enforce/apply/attach_device.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/holders.h"
#include "hostd/enforce/inventory/unclaimed.h"

bool is_exempt(const struct config *config, const char *device)
{
	for (size_t i = 0; i < config->quarantine_except_count; i++) {
		if (fnmatch(config->quarantine_except[i], device, 0) == 0)
			return true;
	}
	return false;
}

bool close_device(struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	const struct domain_interface nic = {0};
	_cleanup_(free_port_plan) struct port_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};

	if (plan_closed(&nic, &plan) < 0)
		return false;
	plan->config.fresh = true;
	if (attach_device(enforcer, ifindex, &plan->config, plan->image, &diag) < 0) {
		/* It may be gone again. */
		if (if_nametoindex(device) == ifindex)
			log_error(NULL,
				  "device %s passes all packets, because it cannot be closed: %s",
				  device, diag_message(&diag));
		return false;
	}
	/* It may have been known as somebody's by mistake. */
	claim_device(enforcer, ifindex);
	add_unclaimed(enforcer, ifindex, device, false);
	log_debug(NULL, "device %s passes nothing until its domain is known", device);
	return true;
}

bool may_stay_open(const struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	return is_attached(enforcer->datapath, ifindex) ||
	       is_formerly_filtered(enforcer->datapath, ifindex) ||
	       was_opened_by_hand(enforcer, ifindex) || is_exempt(enforcer->config, device);
}

void close_held_devices(struct enforcer *enforcer, const struct managed_domain *managed)
{
	for (size_t i = 0; i < managed->held.count; i++) {
		const char *device = managed->held.names[i];
		unsigned int ifindex = if_nametoindex(device);

		if (!ifindex || !can_be_held(ifindex) ||
		    !holds_secretly(enforcer, managed, device) ||
		    may_stay_open(enforcer, ifindex, device))
			continue;
		if (close_device(enforcer, ifindex, device))
			log_warning(managed->domain->name,
				    "its QEMU has device %s open, which its description does not "
				    "name: the device is closed",
				    device);
	}
}

void close_namesakes(struct enforcer *enforcer, const struct managed_domain *managed)
{
	for (size_t i = 0; may_be_managed(managed) && i < managed->domain->interface_count; i++) {
		const struct domain_interface *nic = &managed->domain->interfaces[i];
		unsigned int ifindex = find_namesake(managed, nic);

		if (ifindex && !may_stay_open(enforcer, ifindex, nic->target))
			close_device(enforcer, ifindex, nic->target);
	}
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * News about host devices from the kernel. No libvirt hook announces a hot-plugged NIC, so its tap
 * is closed the moment it appears, before QEMU has it, and opened by policy when libvirt says whose
 * it is.
 */
#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/state.h"

/* The names that libvirt gives to devices it makes itself; reserved there
 * (src/util/virnetdev.h, VIR_NET_GENERATED_*_PREFIX). */
static bool is_libvirt_name(const char *device)
{
	return strncmp(device, "vnet", 4) == 0 || strncmp(device, "macvtap", 7) == 0;
}

static bool runs_managed_domain(const struct enforcer *enforcer)
{
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (m->policy && !is_port_domain(m->domain))
			return true;
	}
	return false;
}

/* Might it be a NIC that is plugged into a managed domain, and will libvirt say so in the end? A
 * libvirt that cannot be heard right now may plug in all the same. */
static bool may_be_plugged_in(const struct enforcer *enforcer, const char *device, bool watched)
{
	return enforcer->config->quarantine && enforcer->config->libvirt_uri_count > 0 &&
	       (watched || runs_managed_domain(enforcer)) && is_libvirt_name(device);
}

void note_device(struct enforcer *enforcer, unsigned int ifindex, const char *device, bool watched)
{
	_cleanup_(free_port_plan) struct port_plan *plan = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	struct domain_interface nic = {
		.kind = strncmp(device, "macvtap", 7) == 0 ? INTERFACE_MACVTAP : INTERFACE_TAP};
	char text[512];

	if (welcome_port(enforcer, device))
		return;
	if (!may_be_plugged_in(enforcer, device, watched) || awaits_policed(enforcer) ||
	    is_attached(enforcer->datapath, ifindex))
		return;
	if (plan_closed(&nic, &plan) < 0)
		return;
	plan->config.fresh = true;
	if (attach_port(enforcer->datapath, ifindex, &plan->config, plan->image, &diag) < 0) {
		log_debug(NULL, "%s could not be closed: %s", device,
			  diag_message(&diag, text, sizeof(text)));
		return;
	}
	add_unclaimed(enforcer, ifindex, device);
	log_debug(NULL, "%s passes nothing until its domain is known", device);
}

void rename_device(struct enforcer *enforcer, unsigned int ifindex, const char *device)
{
	struct port_status status;

	if (read_port_status(enforcer->datapath, ifindex, &status) < 0)
		welcome_port(enforcer, device);
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

void lose_device(struct enforcer *enforcer, unsigned int ifindex)
{
	const struct managed_port *port;
	const struct managed_domain *owner = find_port_owner(enforcer, ifindex, &port);
	struct managed_domain *managed = owner ? find_managed(enforcer, owner->domain->uuid) : NULL;

	if (detach_port(enforcer->datapath, ifindex) == -ENOENT && !managed)
		return;
	claim_device(enforcer, ifindex);
	if (!managed)
		return;
	log_debug(managed->domain->name, "device %s is gone", port->device);
	remove_port(managed, ifindex);
	save_domain(enforcer, managed);
	if (is_waiting(managed)) {
		log_notice(managed->domain->name, "its device is gone: waits for the next");
		refresh_groups(enforcer);
	}
}

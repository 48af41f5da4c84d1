/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptions of clones.
 */
#include "hostd/enforce/inventory/clones.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/plan/description.h"

bool is_clone(const struct managed_domain *managed, const struct domain *domain, bool from_hook)
{
	bool same_driver = strcmp(managed->domain->driver, domain->driver) == 0;
	bool same = is_same_domain(managed->domain, domain);

	if (!find_present_device(managed))
		return false;
	/* A domain that runs keeps its name. One driver's libvirt knows which domain it is. */
	if (!same_driver || (from_hook && !same))
		return true;
	/* A device of the known domain still exists, and this description does not name it. */
	return (from_hook || !same) && find_unnamed_port(managed, domain);
}

static bool may_be_filtered(const struct enforcer *enforcer, const struct domain *domain)
{
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;

	return check_metadata(domain, NULL) < 0 ||
	       read_domain_policy(enforcer->config, domain, &policy, NULL) < 0 || policy;
}

int note_clone(const struct enforcer *enforcer, struct managed_domain *managed,
	       struct domain *domain, const char *xml)
{
	struct clone *clone = calloc(1, sizeof(*clone));
	bool is_new = !managed->clone;
	char text[512];

	if (clone)
		clone->xml = strdup(xml);
	if (!clone || !clone->xml) {
		free(clone);
		free_domain(&domain);
		return -ENOMEM;
	}
	clone->domain = domain;
	clone->managed = may_be_filtered(enforcer, domain);
	forget_clone(managed);
	managed->clone = clone;
	if (is_new && explain_clone(managed, text, sizeof(text)))
		log_warning(managed->domain->name, "%s", text);
	return 0;
}

/* A device that exists, and that the clone may have: one that only its description names, or any
 * that a domain of another driver names. */
static bool has_own_device(const struct managed_domain *managed, const struct domain *clone)
{
	bool same_driver = strcmp(managed->domain->driver, clone->driver) == 0;

	for (size_t i = 0; i < clone->interface_count; i++) {
		const char *device = clone->interfaces[i].target;

		if (device && if_nametoindex(device) &&
		    !(same_driver && names_device(managed->domain, device)))
			return true;
	}
	return false;
}

void forget_ended_clone(const struct enforcer *enforcer, struct managed_domain *managed)
{
	if (!managed->clone || has_own_device(managed, managed->clone->domain))
		return;
	forget_clone(managed);
	save_domain(enforcer, managed);
}

bool has_clone_with(const struct managed_domain *managed, const char *device)
{
	return managed->clone && managed->clone->managed &&
	       names_device(managed->clone->domain, device);
}

bool explain_clone(const struct managed_domain *managed, char *buffer, size_t size)
{
	const struct clone *clone = managed->clone;

	if (!clone)
		return false;
	snprintf(buffer, size,
		 "another running domain, %s of driver %s, has the same UUID%s: stop one of them, "
		 "or give one another UUID",
		 clone->domain->name, clone->domain->driver,
		 clone->managed ? " and is not filtered" : "");
	return true;
}

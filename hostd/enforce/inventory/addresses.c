/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources of addresses.
 */
#include "hostd/enforce/inventory/addresses.h"

int for_each_address(const struct managed_domain *domain,
		     int (*visit)(const struct prefix *prefix, void *context), void *context)
{
	const struct domain_policy *policy = domain->policy;
	int r = 0;

	for (size_t i = 0; policy && i < policy->interface_count; i++) {
		const struct interface_policy *nic = &policy->interfaces[i];

		if (!has_nic(domain->domain, nic->mac))
			continue;
		for (size_t j = 0; r == 0 && j < nic->address_count; j++)
			r = visit(&nic->addresses[j], context);
	}
	return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The addresses of a running domain as a member of groups. Their source is its metadata. The guards
 * have their addresses from the policy compiler (policy/compile/resolve.h).
 */
#ifndef VMSEG_ADDRESSES_H
#define VMSEG_ADDRESSES_H

#include "hostd/enforce/inventory/managed.h"

/* Calls visit for each address or network of the NICs that the domain has, in no order; one may
 * come twice. Ends with the first result that is not 0, and returns it; else 0. */
int for_each_address(const struct managed_domain *domain,
		     int (*visit)(const struct prefix *prefix, void *context), void *context);

#endif

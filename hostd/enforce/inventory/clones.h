/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Clones: domains with the UUID of another domain that runs. One libvirt has one domain of a UUID,
 * but the hook may be called by any libvirt of this host. A clone takes nothing from the domain
 * that is known; its devices stay closed, and it is a problem until one of the two ends.
 */
#ifndef VMSEG_CLONES_H
#define VMSEG_CLONES_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* Whether the description is that of a clone. `from_hook`: any libvirt may have sent it; else it is
 * from the only one of its driver. */
bool is_clone(const struct managed_domain *managed, const struct domain *domain, bool from_hook);

/* Takes over domain. Returns 0 or -ENOMEM. */
int note_clone(const struct enforcer *enforcer, struct managed_domain *managed,
	       struct domain *domain, const char *xml);

/* Forgets the clone if none of its own devices exists any more. */
void forget_ended_clone(const struct enforcer *enforcer, struct managed_domain *managed);

/* Whether a clone of the domain that may be managed has the device. */
bool has_clone_with(const struct managed_domain *managed, const char *device);

/* What is wrong, as a problem of the domain. False: it has no clone. */
bool explain_clone(const struct managed_domain *managed, char *buffer, size_t size);

#endif

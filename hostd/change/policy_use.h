/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds what depends on a policy or address set.
 */
#ifndef VMSEG_POLICY_USE_H
#define VMSEG_POLICY_USE_H

#include "hostd/change/pending.h"
#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* Returns 0 when nothing refers to it, or -EBUSY with an error that names the user: the settings, a
 * running domain, a policy, or a previous policy that a rollback may restore. */
int check_unused(struct enforcer *enforcer, const struct pending_changes *pending, const char *name,
		 struct diag *diag);

/* Whether what the domain has may depend on the policy or set of this name: it, its NICs or the
 * settings refer to it, or a policy of theirs names it. Looked up in `library`. */
bool depends_on(const struct enforcer *enforcer, const struct library *library,
		const struct managed_domain *domain, const char *name);

#endif

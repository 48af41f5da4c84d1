/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Precedence: from what the host, the domain, its policies and its interface say to the one
 * effective policy of a port. mandatory > interface > domain > policies in order > built-in.
 */
#ifndef VMSEG_POLICY_RESOLVE_H
#define VMSEG_POLICY_RESOLVE_H

#include "hostd/base/diag.h"
#include "hostd/policy/compile/effective_policy.h"
#include "hostd/policy/model.h"
#include "hostd/policy/read/library.h"

/* The effective policy of the interface with this MAC address: settings, and rules in order, with
 * remotes not yet expanded. So the result stays valid as long as the library does. `mandatory` may
 * be NULL. The result borrows from library and domain, which must live longer. Returns 0 or -errno
 * with an error in diag (-ENOENT: unknown ref). */
int collect_policy(const struct library *library, const struct policy *mandatory,
		   const struct domain_policy *domain, const uint8_t mac[static MAC_BYTES],
		   struct effective_policy **ret, struct diag *diag);

/* Expands the remotes of the rules: sets of the library, and the present members of groups (NULL:
 * every group is empty). Returns 0 or -errno with an error in diag (-ENOENT: unknown set; -E2BIG:
 * too many prefixes). */
int expand_policy(const struct library *library, const struct group_source *groups,
		  struct effective_policy *policy, struct diag *diag);

/* Both, one after the other. */
int resolve_policy(const struct library *library, const struct policy *mandatory,
		   const struct domain_policy *domain, const uint8_t mac[static MAC_BYTES],
		   const struct group_source *groups, struct effective_policy **ret,
		   struct diag *diag);

#endif

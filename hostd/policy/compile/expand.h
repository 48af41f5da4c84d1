/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expands the remotes of rules to prefixes, with the present sets and groups. Rules with the same
 * remotes share a list.
 */
#ifndef VMSEG_POLICY_EXPAND_H
#define VMSEG_POLICY_EXPAND_H

#include "hostd/base/diag.h"
#include "hostd/policy/compile/effective_policy.h"
#include "hostd/policy/read/library.h"

struct expander {
	const struct library *library;
	const struct group_source *groups; /* NULL: every group is empty */
	struct effective_policy *policy;   /* its lists and groups grow */
	struct diag *diag;
	struct known_list *known;
	size_t prefix_count; /* in all lists, before what lies inside another is dropped */
};

/* Sets *ret to the index of the list for the rule's remotes, of which there is at least one.
 * Returns 0 or -errno with an error in diag (-ENOENT: unknown set; -E2BIG: PREFIXES_MAX). */
int expand_remotes(struct expander *expander, const struct rule *rule, size_t *ret);

/* Forgets which list is for which remotes; the lists stay in the policy. */
void free_expander(struct expander *expander);

#endif

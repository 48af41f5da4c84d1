/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The differences between two policies or address sets, element by element, in canonical form.
 */
#ifndef VMSEG_POLICY_COMPARE_H
#define VMSEG_POLICY_COMPARE_H

#include "hostd/policy/model.h"

/* A policy or a set, or neither: nothing. */
struct policy_or_set {
	const struct policy *policy;
	const struct address_set *set;
};

enum change_kind {
	CHANGE_ADDED,
	CHANGE_REMOVED,
	CHANGE_CHANGED, /* the element says something else; it may stand elsewhere, too */
	CHANGE_MOVED, /* a rule that says the same and stands before or after others than it did */
};

extern const char *const change_names[]; /* "added", ... */

struct change {
	enum change_kind kind;
	const char *what; /* "description", "default", "guards", "limits", "rule" or "cidr" */
	char *id;         /* of a rule; NULL: unnamed, or no rule */
	char *before;     /* the element's XML; NULL: there is none */
	char *after;
	bool moved; /* a rule of CHANGE_CHANGED or CHANGE_MOVED that stands elsewhere */
	int line_before, line_after; /* of a rule; 0: there is none */
};

struct changes {
	struct change *items; /* what was removed in its old order, then the rest in the new one */
	size_t count;
};

/* Compares rules with an id with the rule of that id, other rules with a rule of the same content.
 * As few rules as possible are reported as moved. Returns 0 or -ENOMEM. */
int compare_policies(const struct policy_or_set *before, const struct policy_or_set *after,
		     struct changes *ret);
void free_changes(struct changes *changes);

#endif

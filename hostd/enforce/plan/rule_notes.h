/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept of a port's rules once they are compiled: how people know them, for counters, events
 * and answers. Ports with the same rules share one.
 */
#ifndef VMSEG_RULE_NOTES_H
#define VMSEG_RULE_NOTES_H

#include "hostd/policy/compile/resolve.h"

struct rule_note {
	char *policy; /* "inline" for a domain's own */
	char *id;     /* NULL: unnamed */
	char *place;  /* "web-server.xml:12" */
	bool in, out;
	enum action action;
	bool log;
};

struct rule_notes {
	unsigned int users;
	struct rule_note *items; /* rule number n of the image is items[n - 1] */
	size_t count;
	char **groups; /* that the rules mention */
	size_t group_count;
};

/* Of an expanded policy; one user. Returns 0 or -ENOMEM. */
int note_rules(const struct effective_policy *policy, struct rule_notes **ret);

struct rule_notes *share_rule_notes(struct rule_notes *notes);

/* The last user's release frees them. */
void release_rule_notes(struct rule_notes **pointer);

/* The rule that a verdict cell names; NULL: the default, or none of these. `notes` may be NULL. */
const struct rule_note *find_rule_note(const struct rule_notes *notes, uint32_t verdict);

bool rules_mention_group(const struct rule_notes *notes, const char *group);

#endif

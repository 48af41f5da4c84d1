/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that many ports have: compiled and noted down once, for as long as the library and the
 * groups stay as they are, whether the ports are planned together or one after the other.
 */
#ifndef VMSEG_RULES_CACHE_H
#define VMSEG_RULES_CACHE_H

#include "hostd/enforce/plan/rule_notes.h"
#include "hostd/policy/compile/compile.h"

/* Zeroed: empty. */
struct rules_cache {
	struct cached_rules *items;
	size_t count;
	uint32_t node_count; /* of all images */
};

/* The image and the notes of a collected policy, each with one user more: those of one with the
 * same rules, if all are of the library (a domain's own may be at the place of rules that are
 * gone); else the policy is expanded and compiled. `cache` may be NULL. Returns 0 or -errno with
 * an error in diag. */
int compile_rules(struct rules_cache *cache, const struct library *library,
		  const struct group_source *groups, struct effective_policy *policy,
		  struct image **ret_image, struct rule_notes **ret_notes, struct diag *diag);

/* Forgets what has been compiled with a group's former members. */
void drop_rules(struct rules_cache *cache,
		bool (*is_stale)(const struct rule_notes *notes, void *context), void *context);

void clear_rules_cache(struct rules_cache *cache);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache of compiled rules.
 */
#include "hostd/enforce/plan/rules_cache.h"

#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"

/* What it may hold in all: one image of the largest kind, or very many of the usual ones. */
#define CACHE_NODES_MAX IMAGE_NODES_MAX

struct cached_rules {
	const struct rule **rules; /* the library's, in their order */
	size_t rule_count;
	enum action default_action[2];
	struct image *image;
	struct rule_notes *notes;
};

static bool is_of_library(const struct effective_policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		if (policy->rules[i].is_inline)
			return false;
	}
	return true;
}

static bool are_rules_of(const struct cached_rules *cached, const struct effective_policy *policy)
{
	if (cached->rule_count != policy->rule_count ||
	    memcmp(cached->default_action, policy->default_action,
		   sizeof(cached->default_action)) != 0)
		return false;
	for (size_t i = 0; i < policy->rule_count; i++) {
		if (cached->rules[i] != policy->rules[i].rule)
			return false;
	}
	return true;
}

static const struct cached_rules *find_rules(const struct rules_cache *cache,
					     const struct effective_policy *policy)
{
	for (size_t i = 0; i < cache->count; i++) {
		if (are_rules_of(&cache->items[i], policy))
			return &cache->items[i];
	}
	return NULL;
}

static void free_rules(struct cached_rules *cached)
{
	free(cached->rules);
	free_image(&cached->image);
	release_rule_notes(&cached->notes);
}

/* Without memory they are not remembered, and that is all. */
static void remember_rules(struct rules_cache *cache, const struct effective_policy *policy,
			   struct image *image, struct rule_notes *notes)
{
	const struct rule **rules = calloc(policy->rule_count + 1, sizeof(const struct rule *));
	struct cached_rules *grown;

	if (cache->node_count + image->node_count > CACHE_NODES_MAX)
		clear_rules_cache(cache);
	grown = rules ? grow_array(cache->items, cache->count, sizeof(*grown)) : NULL;
	if (!grown) {
		free(rules);
		return;
	}
	cache->items = grown;
	for (size_t i = 0; i < policy->rule_count; i++)
		rules[i] = policy->rules[i].rule;
	grown[cache->count] = (struct cached_rules){.rules = rules,
						    .rule_count = policy->rule_count,
						    .image = share_image(image),
						    .notes = share_rule_notes(notes)};
	memcpy(grown[cache->count].default_action, policy->default_action,
	       sizeof(policy->default_action));
	cache->count++;
	cache->node_count += image->node_count;
}

static int compile_anew(const struct library *library, const struct group_source *groups,
			struct effective_policy *policy, struct image **ret_image,
			struct rule_notes **ret_notes, struct diag *diag)
{
	_cleanup_(free_image) struct image *image = NULL;
	int r = expand_policy(library, groups, policy, diag);

	if (r == 0)
		r = compile_image(policy, &image, diag);
	if (r == 0)
		r = note_rules(policy, ret_notes);
	if (r == 0)
		*ret_image = TAKE_PTR(image);
	return r;
}

int compile_rules(struct rules_cache *cache, const struct library *library,
		  const struct group_source *groups, struct effective_policy *policy,
		  struct image **ret_image, struct rule_notes **ret_notes, struct diag *diag)
{
	bool shared = cache && is_of_library(policy);
	const struct cached_rules *cached = shared ? find_rules(cache, policy) : NULL;
	int r;

	if (cached) {
		*ret_image = share_image(cached->image);
		*ret_notes = share_rule_notes(cached->notes);
		return 0;
	}
	r = compile_anew(library, groups, policy, ret_image, ret_notes, diag);
	if (r == 0 && shared)
		remember_rules(cache, policy, *ret_image, *ret_notes);
	return r;
}

void drop_rules(struct rules_cache *cache,
		bool (*is_stale)(const struct rule_notes *notes, void *context), void *context)
{
	size_t i = 0;

	while (i < cache->count) {
		struct cached_rules *cached = &cache->items[i];

		if (!is_stale(cached->notes, context)) {
			i++;
			continue;
		}
		cache->node_count -= cached->image->node_count;
		free_rules(cached);
		*cached = cache->items[--cache->count];
	}
}

void clear_rules_cache(struct rules_cache *cache)
{
	for (size_t i = 0; i < cache->count; i++)
		free_rules(&cache->items[i]);
	free(cache->items);
	*cache = (struct rules_cache){0};
}

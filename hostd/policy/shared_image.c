/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shared images.
 */
#include "hostd/policy/shared_image.h"

#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"

struct cached_image {
	const struct rule **rules;
	size_t rule_count;
	enum action default_action[2];
	struct image *image;
};

static bool is_of_library(const struct effective_policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++) {
		if (policy->rules[i].is_inline)
			return false;
	}
	return true;
}

static bool is_image_of(const struct cached_image *cached, const struct effective_policy *policy)
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

/* Without memory it is not remembered, and that is all. */
static void remember_image(struct image_cache *cache, const struct effective_policy *policy,
			   struct image *image)
{
	const struct rule **rules = calloc(policy->rule_count + 1, sizeof(const struct rule *));
	struct cached_image *grown =
		rules ? grow_array(cache->images, cache->count, sizeof(*grown)) : NULL;

	if (!grown) {
		free(rules);
		return;
	}
	cache->images = grown;
	for (size_t i = 0; i < policy->rule_count; i++)
		rules[i] = policy->rules[i].rule;
	grown[cache->count] = (struct cached_image){.rules = rules,
						    .rule_count = policy->rule_count,
						    .image = share_image(image)};
	memcpy(grown[cache->count].default_action, policy->default_action,
	       sizeof(policy->default_action));
	cache->count++;
}

int compile_shared_image(struct image_cache *cache, const struct effective_policy *policy,
			 struct image **ret, struct diag *diag)
{
	int r;

	if (!cache || !is_of_library(policy))
		return compile_image(policy, ret, diag);
	for (size_t i = 0; i < cache->count; i++) {
		if (is_image_of(&cache->images[i], policy)) {
			*ret = share_image(cache->images[i].image);
			return 0;
		}
	}
	r = compile_image(policy, ret, diag);
	if (r == 0)
		remember_image(cache, policy, *ret);
	return r;
}

void clear_image_cache(struct image_cache *cache)
{
	for (size_t i = 0; i < cache->count; i++) {
		free(cache->images[i].rules);
		free_image(&cache->images[i].image);
	}
	free(cache->images);
	*cache = (struct image_cache){0};
}

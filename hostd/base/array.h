/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arrays that grow one item at a time.
 */
#ifndef VMSEG_ARRAY_H
#define VMSEG_ARRAY_H

#include <stddef.h>

/* Makes room for item number `count` in an array of `count` items, zeroed; capacity doubles.
 * Returns the array, perhaps moved, or NULL when there is no memory (the old one stays valid):
 *
 *	rules = grow_array(policy->rules, policy->rule_count, sizeof(*rules));
 *	if (!rules)
 *		return -ENOMEM;
 *	policy->rules = rules;
 *	rule = &rules[policy->rule_count++];
 */
void *grow_array(void *array, size_t count, size_t item_size);

#endif

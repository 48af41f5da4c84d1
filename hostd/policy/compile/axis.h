/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One dimension of the classifier: a line of 32-bit keys and sets of spans on it, reduced to
 * classes of keys that no set tells apart.
 *
 * The ends of all spans cut the line into atoms; atoms that belong to the same sets form a class.
 */
#ifndef VMSEG_POLICY_AXIS_H
#define VMSEG_POLICY_AXIS_H

#include <stddef.h>
#include <stdint.h>

struct span {
	uint32_t first, last; /* inclusive */
};

struct span_set {
	struct span *spans; /* sorted, disjoint */
	size_t count;
};

/* Sets with equal spans share one number. */
struct span_sets {
	struct span_set *sets;
	size_t count;
	struct known_span_set *known;
};

/* Takes spans in any order, overlapping ones too, and changes their order. 0 or -ENOMEM. */
int add_span_set(struct span_sets *sets, struct span *spans, size_t count, uint32_t *ret);
void free_span_sets(struct span_sets *sets);

struct axis {
	uint32_t *starts;  /* first key of each atom; the first is 0 */
	uint32_t *classes; /* of each atom, numbered in order of their first atoms */
	size_t atom_count;
	uint32_t class_count; /* at least 1 */
};

/* Classes of the keys below `end` for the sets, whose spans count atoms of the axis afterwards
 * instead of keys. 0 or -ENOMEM. */
int build_axis(struct span_sets *sets, uint32_t end, struct axis *ret);
void free_axis(struct axis *axis);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classes by partition refinement: all atoms start in one class, and each set splits every class
 * that it holds a part of. The work is the number of atoms in all sets; no set is compared with
 * another.
 */
#include "hostd/policy/axis.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"

/* ---- sets -------------------------------------------------------------------------------- */

struct known_span_set {
	struct span *spans; /* a copy: the set's own are changed by build_axis() */
	uint32_t number;
	UT_hash_handle hh;
};

static int compare_spans(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	return (left->first > right->first) - (left->first < right->first);
}

/* Sorts, and joins spans that overlap or touch. */
static size_t normalize_spans(struct span *spans, size_t count)
{
	size_t kept = 0;

	if (count)
		qsort(spans, count, sizeof(*spans), compare_spans);
	for (size_t i = 0; i < count; i++) {
		struct span *last = kept ? &spans[kept - 1] : NULL;

		if (!last || (spans[i].first > last->last && spans[i].first - last->last > 1))
			spans[kept++] = spans[i];
		else if (spans[i].last > last->last)
			last->last = spans[i].last;
	}
	return kept;
}

static struct span *copy_spans(const struct span *spans, size_t count)
{
	struct span *copy = malloc((count + 1) * sizeof(*copy));

	if (copy && count)
		memcpy(copy, spans, count * sizeof(*copy));
	return copy;
}

/* A set that is not known yet. */
static int append_set(struct span_sets *sets, const struct span *spans, size_t count)
{
	struct known_span_set *known = calloc(1, sizeof(*known));
	struct span_set *grown = grow_array(sets->sets, sets->count, sizeof(*grown));

	if (grown)
		sets->sets = grown;
	if (!known || !grown || !(known->spans = copy_spans(spans, count))) {
		free(known);
		return -ENOMEM;
	}
	known->number = (uint32_t)sets->count;
	HASH_ADD_KEYPTR(hh, sets->known, known->spans, (unsigned int)(count * sizeof(*spans)),
			known);
	grown[sets->count].count = count;
	grown[sets->count++].spans = copy_spans(spans, count);
	return grown[sets->count - 1].spans ? 0 : -ENOMEM;
}

int add_span_set(struct span_sets *sets, struct span *spans, size_t count, uint32_t *ret)
{
	struct known_span_set *known = NULL;

	count = normalize_spans(spans, count);
	HASH_FIND(hh, sets->known, spans, (unsigned int)(count * sizeof(*spans)), known);
	if (known) {
		*ret = known->number;
		return 0;
	}
	*ret = (uint32_t)sets->count;
	return append_set(sets, spans, count);
}

void free_span_sets(struct span_sets *sets)
{
	struct known_span_set *known, *next;

	HASH_ITER (hh, sets->known, known, next) {
		HASH_DEL(sets->known, known);
		free(known->spans);
		free(known);
	}
	for (size_t i = 0; i < sets->count; i++)
		free(sets->sets[i].spans);
	free(sets->sets);
	*sets = (struct span_sets){0};
}

/* ---- atoms ------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static int cut_atoms(const struct span_sets *sets, uint32_t end, struct axis *axis)
{
	size_t room = 1, count = 0, kept = 0;

	for (size_t i = 0; i < sets->count; i++)
		room += sets->sets[i].count * 2;
	axis->starts = malloc(room * sizeof(*axis->starts));
	if (!axis->starts)
		return -ENOMEM;
	axis->starts[count++] = 0;
	for (size_t i = 0; i < sets->count; i++) {
		for (size_t j = 0; j < sets->sets[i].count; j++) {
			const struct span *span = &sets->sets[i].spans[j];

			axis->starts[count++] = span->first;
			if (span->last < end - 1)
				axis->starts[count++] = span->last + 1;
		}
	}
	qsort(axis->starts, count, sizeof(*axis->starts), compare_keys);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || axis->starts[kept - 1] != axis->starts[i])
			axis->starts[kept++] = axis->starts[i];
	}
	axis->atom_count = kept;
	return 0;
}

/* The atom that a key is in. */
static uint32_t find_atom(const struct axis *axis, uint32_t key)
{
	size_t low = 0, high = axis->atom_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (axis->starts[middle] <= key)
			low = middle;
		else
			high = middle;
	}
	return (uint32_t)low;
}

static void convert_to_atoms(const struct axis *axis, struct span_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		set->spans[i].first = find_atom(axis, set->spans[i].first);
		set->spans[i].last = find_atom(axis, set->spans[i].last);
	}
}

/* ---- classes ----------------------------------------------------------------------------- */

#define NO_CLASS UINT32_MAX

struct refinement {
	struct axis *axis;
	uint32_t *sizes;   /* atoms by class */
	uint32_t *touched; /* of them, atoms in the set at hand */
	uint32_t *split;   /* class that they move to, NO_CLASS: not decided */
};

static void count_touched(struct refinement *refinement, const struct span_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		for (uint32_t atom = set->spans[i].first; atom <= set->spans[i].last; atom++) {
			uint32_t class = refinement->axis->classes[atom];

			refinement->touched[class]++;
			refinement->split[class] = NO_CLASS;
		}
	}
}

/* Moves an atom of a class that the set holds a part of; a whole class stays as it is. */
static void move_atom(struct refinement *refinement, uint32_t atom)
{
	struct axis *axis = refinement->axis;
	uint32_t class = axis->classes[atom];
	uint32_t target = refinement->split[class];

	if (target == NO_CLASS) {
		bool whole = refinement->touched[class] == refinement->sizes[class];

		target = whole ? class : axis->class_count++;
		refinement->split[class] = target;
		refinement->touched[class] = 0;
		if (!whole)
			refinement->sizes[target] = 0;
	}
	if (target == class)
		return;
	axis->classes[atom] = target;
	refinement->sizes[class]--;
	refinement->sizes[target]++;
}

static void split_by_set(struct refinement *refinement, const struct span_set *set)
{
	count_touched(refinement, set);
	for (size_t i = 0; i < set->count; i++) {
		for (uint32_t atom = set->spans[i].first; atom <= set->spans[i].last; atom++)
			move_atom(refinement, atom);
	}
}

/* Numbers classes in order of their first atoms; `names` has room for a number per class. */
static void renumber_classes(struct axis *axis, uint32_t *names)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < axis->class_count; i++)
		names[i] = NO_CLASS;
	for (size_t i = 0; i < axis->atom_count; i++) {
		uint32_t *name = &names[axis->classes[i]];

		if (*name == NO_CLASS)
			*name = next++;
		axis->classes[i] = *name;
	}
	axis->class_count = next;
}

static int find_classes(const struct span_sets *sets, struct axis *axis)
{
	/* There are never more classes than atoms. */
	_cleanup_free_ uint32_t *sizes = calloc(axis->atom_count, sizeof(*sizes));
	_cleanup_free_ uint32_t *touched = calloc(axis->atom_count, sizeof(*touched));
	_cleanup_free_ uint32_t *split = calloc(axis->atom_count, sizeof(*split));
	struct refinement refinement = {axis, sizes, touched, split};

	axis->classes = calloc(axis->atom_count, sizeof(*axis->classes));
	if (!axis->classes || !sizes || !touched || !split)
		return -ENOMEM;
	axis->class_count = 1;
	sizes[0] = (uint32_t)axis->atom_count;
	for (size_t i = 0; i < sets->count; i++)
		split_by_set(&refinement, &sets->sets[i]);
	renumber_classes(axis, split);
	return 0;
}

int build_axis(struct span_sets *sets, uint32_t end, struct axis *ret)
{
	struct axis axis = {0};
	int r = cut_atoms(sets, end, &axis);

	for (size_t i = 0; !r && i < sets->count; i++)
		convert_to_atoms(&axis, &sets->sets[i]);
	if (!r)
		r = find_classes(sets, &axis);
	if (r)
		free_axis(&axis);
	else
		*ret = axis;
	return r;
}

void free_axis(struct axis *axis)
{
	free(axis->starts);
	free(axis->classes);
	*axis = (struct axis){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Classes by going along the line once: at each atom a few sets begin or end, and a hash-consed
 * tree over all sets gives equal combinations equal numbers. The work is the number of spans times
 * the logarithm of the number of sets, however much they overlap; the result is exact.
 */
#include "hostd/policy/compile/axis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/hash.h"
#include "hostd/policy/compile/intern.h"

/* ---- sets ----------------------------------------------------------------------------------- */

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
	if (!was_added(&known->hh)) {
		free(known->spans);
		free(known);
		return -ENOMEM;
	}
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

/* ---- atoms ---------------------------------------------------------------------------------- */

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

/* ---- classes -------------------------------------------------------------------------------- */

/* The combination of sets that an atom is in, as a binary tree. Leaf i is 1 if the atom is in set
 * i. An inner node is a number; nodes with equal children have equal numbers. So the root is a
 * number for the whole combination, and a change of one leaf costs only the path to the root. */
struct membership {
	struct interner nodes; /* pairs of children; a leaf is 0 or 1 */
	uint32_t *tree; /* as a heap: the root is [1], the children of [i] are [2i], [2i+1] */
	size_t leaves;  /* power of two */
};

/* A set begins or ends with an atom. */
struct change {
	uint32_t atom;
	uint32_t set;
	uint32_t value;
};

static int compare_changes(const void *a, const void *b)
{
	const struct change *left = a, *right = b;

	return (left->atom > right->atom) - (left->atom < right->atom);
}

static int set_leaf(struct membership *membership, uint32_t set, uint32_t value)
{
	size_t i = membership->leaves + set;
	int r = 0;

	membership->tree[i] = value;
	for (i /= 2; !r && i > 0; i /= 2)
		r = intern_record(&membership->nodes, &membership->tree[2 * i],
				  &membership->tree[i]);
	return r;
}

static int init_membership(struct membership *membership, size_t sets)
{
	int r = 0;

	init_interner(&membership->nodes, 2, UINT32_MAX);
	membership->leaves = 1;
	while (membership->leaves < sets)
		membership->leaves *= 2;
	membership->tree = calloc(2 * membership->leaves, sizeof(*membership->tree));
	if (!membership->tree)
		return -ENOMEM;
	for (size_t i = membership->leaves - 1; !r && i > 0; i--)
		r = intern_record(&membership->nodes, &membership->tree[2 * i],
				  &membership->tree[i]);
	return r;
}

static void free_membership(struct membership *membership)
{
	free_interner(&membership->nodes);
	free(membership->tree);
}

/* In the order of atoms. Spans of one set neither overlap nor touch, so no atom changes a set
 * twice. */
static int collect_changes(const struct span_sets *sets, size_t atom_count, struct change **ret,
			   size_t *ret_count)
{
	struct change *changes;
	size_t room = 1, count = 0;

	for (size_t i = 0; i < sets->count; i++)
		room += sets->sets[i].count * 2;
	changes = malloc(room * sizeof(*changes));
	if (!changes)
		return -ENOMEM;
	for (size_t i = 0; i < sets->count; i++) {
		for (size_t j = 0; j < sets->sets[i].count; j++) {
			const struct span *span = &sets->sets[i].spans[j];

			changes[count++] = (struct change){span->first, (uint32_t)i, 1};
			if (span->last + 1 < atom_count)
				changes[count++] = (struct change){span->last + 1, (uint32_t)i, 0};
		}
	}
	qsort(changes, count, sizeof(*changes), compare_changes);
	*ret = changes;
	*ret_count = count;
	return 0;
}

/* Goes along the atoms; the combinations of sets become classes in order of their first atoms. */
static int number_classes(const struct change *changes, size_t count, struct membership *membership,
			  struct interner *classes, struct axis *axis)
{
	size_t next = 0;
	int r = 0;

	for (uint32_t atom = 0; !r && atom < axis->atom_count; atom++) {
		for (; !r && next < count && changes[next].atom == atom; next++)
			r = set_leaf(membership, changes[next].set, changes[next].value);
		if (!r)
			r = intern_record(classes, &membership->tree[1], &axis->classes[atom]);
	}
	axis->class_count = classes->count;
	return r;
}

static int find_classes(const struct span_sets *sets, struct axis *axis)
{
	_cleanup_(free_interner) struct interner classes = {0};
	_cleanup_(free_membership) struct membership membership = {0};
	_cleanup_free_ struct change *changes = NULL;
	size_t count = 0;
	int r = init_membership(&membership, sets->count);

	init_interner(&classes, 1, UINT32_MAX);
	axis->classes = calloc(axis->atom_count, sizeof(*axis->classes));
	if (r || !axis->classes)
		return -ENOMEM;
	r = collect_changes(sets, axis->atom_count, &changes, &count);
	return r ? r : number_classes(changes, count, &membership, &classes, axis);
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

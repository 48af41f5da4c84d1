/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes rows from prefixes. Prefixes form a tree: the parent of a prefix is the longest other
 * prefix that contains it. The row of a prefix is the row of its parent, lowered by the terms of
 * the lists that name the prefix. So a prefix costs one copy of a row and its own terms, whatever
 * the number of prefixes that contain it.
 */
#include "hostd/policy/compile/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"

#define ADDRESS_BITS (ADDRESS_BYTES * 8)
#define IPV4_BITS    32

/* A list that names a prefix. */
struct naming {
	struct prefix prefix;
	uint32_t list;
};

/* Terms by list: of list i, those numbered order[first[i]] to order[first[i + 1] - 1]; the terms
 * of any remote are in the one after the last list. */
struct terms_by_list {
	uint32_t *first, *order;
};

/* A prefix whose end is not reached yet. */
struct open_prefix {
	trie_key last;
	uint32_t row;
};

struct row_builder {
	const struct effective_policy *policy;
	const struct terms *terms;
	struct terms_by_list by_list;
	struct rows *rows;
	uint32_t *scratch; /* a row that is being made */
	uint32_t base_row; /* of addresses that no list names */
	/* The chain of prefixes around the current address: at most one of each length. */
	struct open_prefix open[ADDRESS_BITS + 1];
	size_t open_count;
};

/* ---- terms of a list ------------------------------------------------------------------------ */

static size_t slot_of(const struct effective_policy *policy, const struct term *term)
{
	size_t list = policy->rules[term->rule].list;

	return list == ANY_REMOTE ? policy->list_count : list;
}

static int sort_terms(struct row_builder *builder)
{
	const struct effective_policy *policy = builder->policy;
	const struct terms *terms = builder->terms;
	uint32_t *first = calloc(policy->list_count + 3, sizeof(*first));
	uint32_t *order = calloc(terms->count + 1, sizeof(*order));

	builder->by_list = (struct terms_by_list){first, order};
	if (!first || !order)
		return -ENOMEM;
	/* Counted two places up, so that first[i + 1] is the next free place while filling. */
	for (size_t i = 0; i < terms->count; i++)
		first[slot_of(policy, &terms->items[i]) + 2]++;
	for (size_t i = 2; i < policy->list_count + 3; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; i < terms->count; i++)
		order[first[slot_of(policy, &terms->items[i]) + 1]++] = (uint32_t)i;
	return 0;
}

static void apply_list(struct row_builder *builder, size_t list)
{
	const struct terms_by_list *by_list = &builder->by_list;

	for (uint32_t i = by_list->first[list]; i < by_list->first[list + 1]; i++)
		apply_term(builder->terms, &builder->terms->items[by_list->order[i]],
			   builder->scratch);
}

/* ---- prefixes ------------------------------------------------------------------------------- */

static int compare_namings(const void *a, const void *b)
{
	const struct naming *left = a, *right = b;
	int order = compare_prefixes(&left->prefix, &right->prefix);

	return order ? order : (left->list > right->list) - (left->list < right->list);
}

/* Every prefix of every list, IPv4 or IPv6 ones, in the order of a walk through their tree. */
static int collect_namings(const struct effective_policy *policy, bool ipv4, struct naming **ret,
			   size_t *ret_count)
{
	struct naming *namings;
	size_t room = 1, count = 0;

	for (size_t i = 0; i < policy->list_count; i++)
		room += policy->lists[i].count;
	namings = malloc(room * sizeof(*namings));
	if (!namings)
		return -ENOMEM;
	for (size_t i = 0; i < policy->list_count; i++) {
		const struct prefix_list *list = &policy->lists[i];

		for (size_t j = 0; j < list->count; j++) {
			if (is_ipv4(list->prefixes[j].address) == ipv4)
				namings[count++] = (struct naming){list->prefixes[j], (uint32_t)i};
		}
	}
	qsort(namings, count, sizeof(*namings), compare_namings);
	*ret = namings;
	*ret_count = count;
	return 0;
}

/* An address as a key of its family's trie. */
static trie_key address_key(const uint8_t address[static ADDRESS_BYTES], bool ipv4)
{
	trie_key key = 0;

	for (size_t i = 0; i < ADDRESS_BYTES; i++)
		key = key << 8 | address[i];
	return ipv4 ? (uint32_t)key : key;
}

static trie_key last_key(const struct prefix *prefix, bool ipv4)
{
	unsigned int free_bits = ADDRESS_BITS - prefix->bits;
	trie_key rest = free_bits == ADDRESS_BITS ? ~(trie_key)0 : ((trie_key)1 << free_bits) - 1;

	return address_key(prefix->address, ipv4) | rest;
}

/* ---- the walk ------------------------------------------------------------------------------- */

static uint32_t current_row(const struct row_builder *builder)
{
	return builder->open_count ? builder->open[builder->open_count - 1].row : builder->base_row;
}

/* Ends the prefixes that end before `key`: what surrounds each goes on behind it. */
static int close_before(struct row_builder *builder, trie_key key, struct runs *runs)
{
	while (builder->open_count) {
		trie_key last = builder->open[builder->open_count - 1].last;
		int r;

		if (last >= key)
			break;
		builder->open_count--;
		r = add_run(runs, last + 1, current_row(builder));
		if (r)
			return r;
	}
	return 0;
}

/* At the end of the line; the last key of all has none behind it. */
static int close_all(struct row_builder *builder, trie_key end, struct runs *runs)
{
	int r = close_before(builder, end, runs);

	builder->open_count = 0;
	return r;
}

static int intern_scratch(struct row_builder *builder, uint32_t *ret)
{
	return intern_record(&builder->rows->verdicts, builder->scratch, ret);
}

/* The row of a prefix below the current one, named by `count` lists. */
static int make_row(struct row_builder *builder, const struct naming *namings, size_t count,
		    uint32_t *ret)
{
	const struct interner *verdicts = &builder->rows->verdicts;
	int r;

	memcpy(builder->scratch, interned_record(verdicts, current_row(builder)),
	       verdicts->words * sizeof(*builder->scratch));
	for (size_t i = 0; i < count; i++)
		apply_list(builder, namings[i].list);
	r = intern_scratch(builder, ret);
	for (size_t i = 0; !r && i < count; i++) {
		uint32_t *list_row = &builder->rows->list_rows[namings[i].list];

		if (*list_row == NO_RULE)
			*list_row = *ret;
	}
	return r;
}

/* Namings of one prefix, from the first on. */
static size_t count_same(const struct naming *namings, size_t count)
{
	size_t same = 1;

	while (same < count && compare_prefixes(&namings[same].prefix, &namings[0].prefix) == 0)
		same++;
	return same;
}

static int walk_prefixes(struct row_builder *builder, const struct naming *namings, size_t count,
			 bool ipv4, struct runs *runs)
{
	const trie_key end = ipv4 ? ((trie_key)1 << IPV4_BITS) - 1 : ~(trie_key)0;
	int r = add_run(runs, 0, builder->base_row);

	for (size_t i = 0, same; !r && i < count; i += same) {
		const struct prefix *prefix = &namings[i].prefix;
		trie_key first = address_key(prefix->address, ipv4);
		uint32_t row;

		same = count_same(namings + i, count - i);
		r = close_before(builder, first, runs);
		if (!r)
			r = make_row(builder, namings + i, same, &row);
		if (!r)
			r = add_run(runs, first, row);
		if (!r)
			builder->open[builder->open_count++] =
				(struct open_prefix){last_key(prefix, ipv4), row};
	}
	return r ? r : close_all(builder, end, runs);
}

static int build_family(struct row_builder *builder, bool ipv4)
{
	_cleanup_free_ struct naming *namings = NULL;
	size_t count = 0;
	int r = collect_namings(builder->policy, ipv4, &namings, &count);

	if (r)
		return r;
	return walk_prefixes(builder, namings, count, ipv4, &builder->rows->runs[ipv4 ? 0 : 1]);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int prepare(struct row_builder *builder)
{
	size_t width = row_width(builder->terms), lists = builder->policy->list_count;
	int r;

	if (width > TABLE_CELLS_MAX)
		return -E2BIG;
	init_interner(&builder->rows->verdicts, width, (uint32_t)(TABLE_CELLS_MAX / width));
	builder->scratch = malloc(width * sizeof(*builder->scratch));
	builder->rows->list_rows = malloc((lists + 1) * sizeof(*builder->rows->list_rows));
	if (!builder->scratch || !builder->rows->list_rows)
		return -ENOMEM;
	memset(builder->rows->list_rows, 0xff, lists * sizeof(*builder->rows->list_rows));
	r = sort_terms(builder);
	if (r)
		return r;
	memset(builder->scratch, 0xff, width * sizeof(*builder->scratch)); /* NO_RULE */
	apply_list(builder, lists);
	return intern_scratch(builder, &builder->base_row);
}

int build_rows(const struct effective_policy *policy, const struct terms *terms, struct rows *ret)
{
	struct rows rows = {0};
	struct row_builder builder = {.policy = policy, .terms = terms, .rows = &rows};
	int r = prepare(&builder);

	if (!r)
		r = build_family(&builder, true);
	if (!r)
		r = build_family(&builder, false);
	free(builder.scratch);
	free(builder.by_list.first);
	free(builder.by_list.order);
	if (r)
		free_rows(&rows);
	else
		*ret = rows;
	return r;
}

void free_rows(struct rows *rows)
{
	free_interner(&rows->verdicts);
	for (size_t i = 0; i < ARRAY_SIZE(rows->runs); i++)
		free_runs(&rows->runs[i]);
	free(rows->list_rows);
	*rows = (struct rows){0};
}

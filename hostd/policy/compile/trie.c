/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tries from runs, top down; a node is interned when its cells are complete.
 */
#include "hostd/policy/compile/trie.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "bpf/abi.h"
#include "hostd/base/array.h"

#define STRIDE_BITS 4
#define KEY_BITS    (sizeof(trie_key) * 8)

int add_run(struct runs *runs, trie_key start, uint32_t value)
{
	struct run *items;

	if (runs->count && runs->items[runs->count - 1].start == start)
		runs->count--;
	if (runs->count && runs->items[runs->count - 1].value == value)
		return 0;
	items = grow_array(runs->items, runs->count, sizeof(*items));
	if (!items)
		return -ENOMEM;
	runs->items = items;
	items[runs->count++] = (struct run){start, value};
	return 0;
}

void free_runs(struct runs *runs)
{
	free(runs->items);
	*runs = (struct runs){0};
}

struct trie_builder {
	struct interner *nodes;
	const struct runs *runs;
	size_t run; /* the one that holds the first key of the block at hand */
};

/* Is there a later run that starts in the 2^bits keys from base on? */
static bool is_cut(const struct trie_builder *builder, trie_key base, unsigned int bits)
{
	if (builder->run + 1 == builder->runs->count)
		return false;
	/* A shift by all bits of the type would be undefined. */
	return bits == KEY_BITS ||
	       ((builder->runs->items[builder->run + 1].start - base) >> bits) == 0;
}

static void advance_to(struct trie_builder *builder, trie_key key)
{
	while (builder->run + 1 < builder->runs->count &&
	       builder->runs->items[builder->run + 1].start <= key)
		builder->run++;
}

/* The cell for the 2^bits keys from base on; depth is at most 32. A node that is made has at least
 * two different cells, because neighbouring runs differ. */
static int build_block(struct trie_builder *builder, trie_key base, unsigned int bits,
		       uint32_t *ret)
{
	struct policy_node node;

	advance_to(builder, base);
	if (bits == 0 || !is_cut(builder, base, bits)) {
		*ret = builder->runs->items[builder->run].value | CELL_LEAF;
		return 0;
	}
	bits -= STRIDE_BITS;
	for (size_t i = 0; i < POLICY_NODE_CELLS; i++) {
		int r = build_block(builder, base + ((trie_key)i << bits), bits, &node.cell[i]);

		if (r)
			return r;
	}
	return intern_record(builder->nodes, node.cell, ret);
}

int build_trie(struct interner *nodes, const struct runs *runs, unsigned int nibbles, uint32_t *ret)
{
	struct trie_builder builder = {.nodes = nodes, .runs = runs};

	return build_block(&builder, 0, nibbles * STRIDE_BITS, ret);
}

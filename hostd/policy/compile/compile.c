/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image: header, tries, verdict table, in one run of nodes.
 */
#include "hostd/policy/compile/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/verdict_table.h"

static int build_tries(const struct verdict_table *table, struct interner *nodes,
		       struct image_header *header)
{
	static const unsigned int row_nibbles[] = {ROW_NIBBLES_V4, ROW_NIBBLES_V6};
	int r = 0;

	for (size_t i = 0; !r && i < ARRAY_SIZE(row_nibbles); i++)
		r = build_trie(nodes, &table->row_runs[i], row_nibbles[i], &header->row_root[i]);
	for (size_t i = 0; !r && i < ARRAY_SIZE(header->column_root); i++)
		r = build_trie(nodes, &table->column_runs[i], COLUMN_NIBBLES,
			       &header->column_root[i]);
	return r ? r : build_trie(nodes, &table->source_runs, COLUMN_NIBBLES, &header->source_root);
}

static void write_verdicts(const struct verdict_table *table, struct policy_node *nodes)
{
	size_t i = 0;

	for (uint32_t row = 0; row < table->row_count; row++) {
		for (uint32_t column = 0; column < table->column_count; column++) {
			for (uint32_t source = 0; source < table->source_count; source++, i++)
				nodes[i / POLICY_NODE_CELLS].cell[i % POLICY_NODE_CELLS] =
					verdict_cell(table, row, column, source);
		}
	}
}

/* Appends the verdict table to the nodes and takes them over. */
static int finish_image(const struct verdict_table *table, struct interner *nodes,
			struct image_header *header, struct image *image)
{
	uint64_t cells = (uint64_t)table->row_count * table->column_count * table->source_count;
	uint64_t total = nodes->count + (cells + POLICY_NODE_CELLS - 1) / POLICY_NODE_CELLS;
	struct policy_node *all;

	if (total > IMAGE_NODES_MAX)
		return -E2BIG;
	all = realloc(nodes->records, total * sizeof(*all));
	if (!all)
		return -ENOMEM;
	nodes->records = NULL;
	image->nodes = all;
	image->node_count = (uint32_t)total;
	memset(all + nodes->count, 0, (total - nodes->count) * sizeof(*all));
	write_verdicts(table, all + nodes->count);
	header->node_count = image->node_count;
	header->rule_count = image->rule_count + 1;
	header->row_count = table->row_count;
	header->column_count = table->column_count;
	header->source_count = table->source_count;
	header->verdict_node = nodes->count;
	memcpy(&all[0], header, sizeof(*header));
	image->hash = hash_words(all[0].cell, total * POLICY_NODE_CELLS);
	return 0;
}

static int report(const struct effective_policy *policy, const struct verdict_table *table,
		  const struct interner *nodes, int error, struct diag *diag)
{
	if (error != -E2BIG)
		return fail(diag, -error, NULL, 0, "out of memory");
	return fail(
		diag, E2BIG, policy->place.source, policy->place.line,
		"the policy's image is too large: %u classes of remote addresses, %u of services "
		"and %u of source ports, with %u trie nodes so far (at most %u nodes of %zu bytes)",
		table->row_count, table->column_count, table->source_count, nodes->count,
		IMAGE_NODES_MAX, sizeof(struct policy_node));
}

static int build_image(const struct effective_policy *policy, const struct verdict_table *table,
		       struct image *image, struct diag *diag)
{
	const struct policy_node header_place = {0};
	_cleanup_(free_interner) struct interner nodes;
	struct image_header header = {0};
	uint32_t number;
	int r;

	init_interner(&nodes, POLICY_NODE_CELLS, IMAGE_NODES_MAX);
	/* No node of a trie is all zero: no cell leads back to the header. */
	r = intern_record(&nodes, header_place.cell, &number);
	if (!r)
		r = build_tries(table, &nodes, &header);
	if (!r)
		r = finish_image(table, &nodes, &header, image);
	return r ? report(policy, table, &nodes, r, diag) : 0;
}

int compile_image(const struct effective_policy *policy, struct image **ret, struct diag *diag)
{
	_cleanup_(free_image) struct image *image = calloc(1, sizeof(*image));
	_cleanup_(free_verdict_table) struct verdict_table table = {0};
	int r;

	if (!image)
		return fail_memory(diag, NULL);
	image->users = 1;
	if (policy->rule_count > IMAGE_RULES_MAX)
		return fail(diag, E2BIG, policy->place.source, policy->place.line,
			    "the policy has %zu rules (at most %u)", policy->rule_count,
			    IMAGE_RULES_MAX);
	image->rule_count = (uint32_t)policy->rule_count;
	r = build_verdict_table(policy, &table, diag);
	if (!r)
		r = build_image(policy, &table, image, diag);
	if (!r)
		*ret = TAKE_PTR(image);
	return r;
}

struct image *share_image(struct image *image)
{
	image->users++;
	return image;
}

void free_image(struct image **image)
{
	struct image *freed = *image;

	*image = NULL;
	if (!freed || --freed->users)
		return;
	free(freed->nodes);
	free(freed);
}

bool images_equal(const struct image *a, const struct image *b)
{
	return a->hash == b->hash && a->node_count == b->node_count &&
	       a->rule_count == b->rule_count &&
	       memcmp(a->nodes, b->nodes, a->node_count * sizeof(*a->nodes)) == 0;
}

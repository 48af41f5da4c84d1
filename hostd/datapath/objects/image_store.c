/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store of policy images.
 */
#include "hostd/datapath/objects/image_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <utlist.h>

#include "hostd/base/cleanup.h"

void init_image_store(struct image_store *store, struct policy_node *memory, uint32_t node_count,
		      int rule_stats_map, uint32_t counter_count, const struct per_cpu *per_cpu)
{
	*store = (struct image_store){
		.memory = memory,
		.rule_stats_map = rule_stats_map,
		.per_cpu = per_cpu,
	};
	init_pool(&store->nodes, node_count);
	init_pool(&store->counters, counter_count);
}

void clear_image_store(struct image_store *store)
{
	struct stored_image *image, *next;

	LL_FOREACH_SAFE(store->images, image, next)
	free(image);
	clear_pool(&store->nodes);
	clear_pool(&store->counters);
	*store = (struct image_store){0};
}

static struct image_header *header_at(const struct image_store *store, uint32_t first)
{
	return (struct image_header *)&store->memory[first];
}

const struct image_header *header_of_image(const struct image_store *store,
					   const struct stored_image *image)
{
	return header_at(store, image->first);
}

/* The same words but for the place of the counters. */
bool is_stored_as(const struct image_store *store, const struct stored_image *stored,
		  const struct image *image)
{
	struct image_header header = *header_of_image(store, stored);

	if (header.node_count != image->node_count)
		return false;
	header.rule_base = 0;
	return !memcmp(&header, image->nodes, sizeof(header)) &&
	       !memcmp(&store->memory[stored->first + 1], image->nodes + 1,
		       (image->node_count - 1) * sizeof(*image->nodes));
}

static int zero_counters(const struct image_store *store, uint32_t first, uint32_t count)
{
	const void *zeroes = zero_per_cpu(store->per_cpu);

	for (uint32_t i = first; i < first + count; i++) {
		int r = bpf_map_update_elem(store->rule_stats_map, &i, zeroes, BPF_ANY);

		if (r < 0)
			return r;
	}
	return 0;
}

static int take_counters(struct image_store *store, uint32_t count, uint32_t *ret_first)
{
	uint32_t first;
	int r = take_range(&store->counters, count, &first);

	if (r < 0)
		return r;
	r = zero_counters(store, first, count);
	if (r < 0) {
		put_range(&store->counters, first);
		return r;
	}
	*ret_first = first;
	return 0;
}

static void write_image(struct image_store *store, uint32_t first, uint32_t rule_base,
			const struct image *image)
{
	memcpy(&store->memory[first], image->nodes, image->node_count * sizeof(*image->nodes));
	header_at(store, first)->rule_base = rule_base;
}

/* A place in both pools with the image written to it. */
static int place_image(struct image_store *store, const struct image *image, uint32_t *ret_first,
		       struct diag *diag)
{
	uint32_t counters = ((const struct image_header *)image->nodes)->rule_count;
	uint32_t first, rule_base;
	int r;

	r = take_range(&store->nodes, image->node_count, &first);
	if (r < 0)
		return fail(diag, -r, NULL, 0,
			    "no room for a policy of %u nodes: %u of %u are in use (policy-nodes)",
			    image->node_count, store->nodes.used, store->nodes.total);
	r = take_counters(store, counters, &rule_base);
	if (r < 0) {
		put_range(&store->nodes, first);
		return fail(diag, -r, NULL, 0,
			    "no room for %u rule counters: %u of %u are in use (rule-counters)",
			    counters, store->counters.used, store->counters.total);
	}
	write_image(store, first, rule_base, image);
	*ret_first = first;
	return 0;
}

int hold_image(struct image_store *store, const struct image *image, struct stored_image **ret,
	       struct diag *diag)
{
	_cleanup_free_ struct stored_image *added = NULL;
	struct stored_image *stored;
	int r;

	LL_FOREACH (store->images, stored)
		if (is_stored_as(store, stored, image)) {
			stored->holders++;
			*ret = stored;
			return 0;
		}
	added = calloc(1, sizeof(*added));
	if (!added)
		return -ENOMEM;
	r = place_image(store, image, &added->first, diag);
	if (r < 0)
		return r;
	added->holders = 1;
	LL_PREPEND(store->images, added);
	*ret = TAKE_PTR(added);
	return 0;
}

static int claim_image(struct image_store *store, uint32_t first)
{
	const struct image_header *header;
	int r;

	if (first >= store->nodes.total)
		return -EUCLEAN;
	header = header_at(store, first);
	r = claim_range(&store->nodes, first, header->node_count);
	if (r < 0)
		return r;
	r = claim_range(&store->counters, header->rule_base, header->rule_count);
	if (r < 0)
		put_range(&store->nodes, first);
	return r;
}

int adopt_image(struct image_store *store, uint32_t first, struct stored_image **ret)
{
	_cleanup_free_ struct stored_image *added = NULL;
	struct stored_image *stored;
	int r;

	LL_SEARCH_SCALAR(store->images, stored, first, first);
	if (stored) {
		stored->holders++;
		*ret = stored;
		return 0;
	}
	added = calloc(1, sizeof(*added));
	if (!added)
		return -ENOMEM;
	r = claim_image(store, first);
	if (r < 0)
		return r;
	added->first = first;
	added->holders = 1;
	LL_PREPEND(store->images, added);
	*ret = TAKE_PTR(added);
	return 0;
}

void release_image(struct image_store *store, struct stored_image *image)
{
	if (!image || --image->holders)
		return;
	put_range(&store->counters, header_of_image(store, image)->rule_base);
	put_range(&store->nodes, image->first);
	LL_DELETE(store->images, image);
	free(image);
}

uint32_t count_images(const struct image_store *store)
{
	const struct stored_image *image;
	uint32_t count = 0;

	LL_FOREACH (store->images, image)
		count++;
	return count;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policy images in policy_map. Ports with the same policy share one image and its rule counters.
 *
 * An image in use is never written. Its place may be used again only when no packet is judged by it
 * any more: whoever lets go of one has waited for that (wait_for_programs() in session_table.h).
 */
#ifndef VMSEG_DATAPATH_IMAGE_H
#define VMSEG_DATAPATH_IMAGE_H

#include "hostd/base/diag.h"
#include "hostd/datapath/objects/per_cpu.h"
#include "hostd/datapath/objects/pool.h"
#include "hostd/policy/compile/compile.h"

struct stored_image {
	uint32_t first; /* node of the header */
	unsigned int holders;
	struct stored_image *next;
};

struct image_store {
	struct policy_node *memory;    /* policy_map */
	int rule_stats_map;            /* descriptor */
	const struct per_cpu *per_cpu; /* borrowed */
	struct pool nodes;
	struct pool counters;
	struct stored_image *images;
};

void init_image_store(struct image_store *store, struct policy_node *memory, uint32_t node_count,
		      int rule_stats_map, uint32_t counter_count, const struct per_cpu *per_cpu);
/* Forgets what is where; the maps stay as they are. */
void clear_image_store(struct image_store *store);

/* The stored image with this content: one that is there, or a new one with its counters at zero.
 * -ENOSPC when a pool is full. */
int hold_image(struct image_store *store, const struct image *image, struct stored_image **ret,
	       struct diag *diag);

/* The image that the maps have at this node, from before this process. Returns 0, -ENOMEM, or
 * another -errno when there cannot be one. */
int adopt_image(struct image_store *store, uint32_t first, struct stored_image **ret);

/* Whether the stored image has this content. */
bool is_stored_as(const struct image_store *store, const struct stored_image *stored,
		  const struct image *image);

/* Lets go; NULL is allowed. The last holder's frees the place. */
void release_image(struct image_store *store, struct stored_image *image);

const struct image_header *header_of_image(const struct image_store *store,
					   const struct stored_image *image);

uint32_t count_images(const struct image_store *store);

#endif

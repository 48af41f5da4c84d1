/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool of numbers 0 to total - 1, given out in ranges: slots, port records, policy nodes and rule
 * counters. The maps hold what the numbers stand for; the pool is only who uses which, so it can be
 * rebuilt from the maps by claiming what is found there.
 */
#ifndef VMSEG_DATAPATH_POOL_H
#define VMSEG_DATAPATH_POOL_H

#include <stddef.h>
#include <stdint.h>

struct range {
	uint32_t first;
	uint32_t count;
};

struct pool {
	uint32_t total;
	uint32_t used;        /* numbers in all ranges */
	struct range *ranges; /* those in use, in order */
	size_t range_count;
	size_t range_space;
};

void init_pool(struct pool *pool, uint32_t total);
void clear_pool(struct pool *pool);

/* The lowest free range of `count` (more than 0) numbers. -ENOSPC when there is none, -ENOMEM. */
int take_range(struct pool *pool, uint32_t count, uint32_t *ret_first);

/* Takes exactly this range. -EEXIST when part of it is in use, -ERANGE when it is not within the
 * pool, -ENOMEM. */
int claim_range(struct pool *pool, uint32_t first, uint32_t count);

/* Gives back the range that starts at `first`; it must be in use. Cannot fail. */
void put_range(struct pool *pool, uint32_t first);

#endif

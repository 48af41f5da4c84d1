/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First fit over a sorted array of the ranges in use: a host has at most some thousand of them, and
 * giving back never needs memory.
 */
#include "hostd/datapath/objects/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void init_pool(struct pool *pool, uint32_t total)
{
	*pool = (struct pool){.total = total};
}

void clear_pool(struct pool *pool)
{
	free(pool->ranges);
	*pool = (struct pool){0};
}

static int insert_range(struct pool *pool, size_t at, uint32_t first, uint32_t count)
{
	struct range *grown;

	if (pool->range_count == pool->range_space) {
		size_t space = pool->range_space ? 2 * pool->range_space : 16;

		grown = reallocarray(pool->ranges, space, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		pool->ranges = grown;
		pool->range_space = space;
	}
	memmove(&pool->ranges[at + 1], &pool->ranges[at],
		(pool->range_count - at) * sizeof(*pool->ranges));
	pool->ranges[at] = (struct range){.first = first, .count = count};
	pool->range_count++;
	pool->used += count;
	return 0;
}

int take_range(struct pool *pool, uint32_t count, uint32_t *ret_first)
{
	uint32_t first = 0;
	size_t at;
	int r;

	assert(count);
	for (at = 0; at < pool->range_count; at++) {
		if (pool->ranges[at].first - first >= count)
			break;
		first = pool->ranges[at].first + pool->ranges[at].count;
	}
	if (pool->total - first < count)
		return -ENOSPC;
	r = insert_range(pool, at, first, count);
	if (r < 0)
		return r;
	*ret_first = first;
	return 0;
}

/* The place of the first range that starts at `first` or later. */
static size_t find_place(const struct pool *pool, uint32_t first)
{
	size_t low = 0, high = pool->range_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (pool->ranges[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int claim_range(struct pool *pool, uint32_t first, uint32_t count)
{
	size_t at = find_place(pool, first);
	const struct range *before, *after;

	if (!count || count > pool->total || first > pool->total - count)
		return -ERANGE;
	if (at > 0) {
		before = &pool->ranges[at - 1];
		if (first - before->first < before->count)
			return -EEXIST;
	}
	if (at < pool->range_count) {
		after = &pool->ranges[at];
		if (after->first - first < count)
			return -EEXIST;
	}
	return insert_range(pool, at, first, count);
}

void put_range(struct pool *pool, uint32_t first)
{
	size_t at = find_place(pool, first);

	assert(at < pool->range_count && pool->ranges[at].first == first);
	pool->used -= pool->ranges[at].count;
	pool->range_count--;
	memmove(&pool->ranges[at], &pool->ranges[at + 1],
		(pool->range_count - at) * sizeof(*pool->ranges));
}

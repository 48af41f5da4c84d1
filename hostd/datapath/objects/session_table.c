/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Session tables.
 */
#include "hostd/datapath/objects/session_table.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/objects.h"
#include "vmseg.skel.h"

/* Smallest room for a piece. */
#define BATCH_MIN 64

int make_table(uint32_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_HASH, "sessions", sizeof(struct session_key),
			      sizeof(struct session), size, &options);
}

/* ---- reading a table piece by piece --------------------------------------------------------- */

static int grow_batch(struct session_batch *batch, uint32_t space)
{
	struct session_key *keys;
	struct session *values;

	if (space <= batch->space)
		return 0;
	keys = reallocarray(batch->keys, space, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	batch->keys = keys;
	values = reallocarray(batch->values, space, sizeof(*values));
	if (!values)
		return -ENOMEM;
	batch->values = values;
	batch->space = space;
	return 0;
}

int read_batch(int table, uint32_t wanted, struct session_batch *batch)
{
	uint32_t count = wanted < BATCH_MIN ? BATCH_MIN : wanted, next;
	int r;

	for (;;) {
		r = grow_batch(batch, count);
		if (r < 0)
			return r;
		batch->count = count;
		r = bpf_map_lookup_batch(table, batch->started ? &batch->place : NULL, &next,
					 batch->keys, batch->values, &batch->count, NULL);
		if (r != -ENOSPC)
			break;
		/* The next hash bucket alone has more entries than there is room for. */
		count *= 2;
	}
	if (r < 0 && r != -ENOENT) {
		batch->count = 0;
		return r;
	}
	batch->finished = r == -ENOENT;
	batch->place = next;
	batch->started = true;
	return 0;
}

void rewind_batch(struct session_batch *batch)
{
	batch->count = 0;
	batch->started = false;
	batch->finished = false;
}

void clear_batch(struct session_batch *batch)
{
	free(batch->keys);
	free(batch->values);
	*batch = (struct session_batch){0};
}

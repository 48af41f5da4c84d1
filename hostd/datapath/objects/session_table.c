/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Session tables.
 */
#include "hostd/datapath/objects/session_table.h"

#include <errno.h>
#include <stdlib.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/datapath_state.h"
#include "vmseg.skel.h"

/* Smallest room for a piece. */
#define BATCH_MIN 64

/* session_map's slot 0 belongs to no port. */
#define BARRIER_SLOT 0

static int outer_map(const struct datapath *datapath)
{
	return bpf_map__fd(datapath->skeleton->maps.session_map);
}

int make_table(const struct datapath *datapath, uint32_t size)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);

	return bpf_map_create(BPF_MAP_TYPE_HASH, "sessions", sizeof(struct session_key),
			      sizeof(struct session), size, &options);
}

static int read_table(int table, struct bpf_map_info *ret)
{
	uint32_t size = sizeof(*ret);

	*ret = (struct bpf_map_info){0};
	return bpf_obj_get_info_by_fd(table, ret, &size);
}

/* The kernel itself waits for running programs in every update of a map of maps:
 * maybe_wait_bpf_programs() in kernel/bpf/syscall.c. */
int put_inner_table(struct datapath *datapath, int map, uint32_t slot, int table)
{
	int r = bpf_map_update_elem(map, &slot, &table, BPF_ANY);

	if (r == 0)
		release_retired(datapath);
	return r;
}

bool has_inner_table(int map, uint32_t slot)
{
	uint32_t id;

	return bpf_map_lookup_elem(map, &slot, &id) == 0;
}

int drop_inner_table(struct datapath *datapath, int map, uint32_t slot)
{
	int r = bpf_map_delete_elem(map, &slot);

	/* Newer kernels wait only where there was something to delete. */
	if (r == 0)
		release_retired(datapath);
	else
		wait_for_programs(datapath);
	return r == -ENOENT ? 0 : r;
}

int put_table(struct filtered_port *port, int table)
{
	struct bpf_map_info info;
	int r;

	r = read_table(table, &info);
	if (r < 0)
		return r;
	r = put_inner_table(port->datapath, outer_map(port->datapath), port->slot, table);
	if (r < 0)
		return r;
	port->table_id = info.id;
	port->table_size = info.max_entries;
	return 0;
}

int open_table(const struct filtered_port *port)
{
	return bpf_map_get_fd_by_id(port->table_id);
}

int find_table(struct filtered_port *port)
{
	_cleanup_close_ int table = -1;
	struct bpf_map_info info;
	uint32_t id;
	int r;

	r = bpf_map_lookup_elem(outer_map(port->datapath), &port->slot, &id);
	if (r < 0)
		return r;
	table = bpf_map_get_fd_by_id(id);
	if (table < 0)
		return table;
	r = read_table(table, &info);
	if (r < 0)
		return r;
	port->table_id = info.id;
	port->table_size = info.max_entries;
	return 0;
}

/* The same wait, for its own sake: an empty table that no program ever looks up is put where it
 * already is. */
void wait_for_programs(struct datapath *datapath)
{
	if (datapath->barrier < 0)
		datapath->barrier = make_table(datapath, 1);
	if (put_inner_table(datapath, outer_map(datapath), BARRIER_SLOT, datapath->barrier) == 0)
		return;
	usleep(100000); /* no descriptor or memory left: ten times as long as it takes */
	release_retired(datapath);
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

int read_batch(int table, uint32_t wished, struct session_batch *batch)
{
	uint32_t count = wished < BATCH_MIN ? BATCH_MIN : wished, next;
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

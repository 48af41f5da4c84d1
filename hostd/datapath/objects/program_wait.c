/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for running programs.
 */
#include "hostd/datapath/objects/program_wait.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/datapath/objects/objects.h"
#include "hostd/datapath/objects/record.h"
#include "hostd/datapath/objects/session_table.h"
#include "vmseg.skel.h"

/* session_map's slot 0 belongs to no port. */
#define BARRIER_SLOT 0

/* Gives back all that is retired: no program that runs began before. */
static void release_retired(struct objects *objects)
{
	for (uint32_t i = 0; i < objects->retired_count; i++) {
		drop_record(objects, objects->retired[i].record);
		release_image(&objects->images, objects->retired[i].image);
	}
	objects->retired_count = 0;
}

/* The kernel itself waits for running programs in every update of a map of maps:
 * maybe_wait_bpf_programs() in kernel/bpf/syscall.c. */
int put_inner_table(struct objects *objects, int map, uint32_t slot, int table)
{
	int r = bpf_map_update_elem(map, &slot, &table, BPF_ANY);

	if (r == 0)
		release_retired(objects);
	return r;
}

bool has_inner_table(int map, uint32_t slot)
{
	uint32_t id;

	return bpf_map_lookup_elem(map, &slot, &id) == 0;
}

int drop_inner_table(struct objects *objects, int map, uint32_t slot)
{
	int r = bpf_map_delete_elem(map, &slot);

	/* Newer kernels wait only where there was something to delete. */
	if (r == 0)
		release_retired(objects);
	else
		wait_for_programs(objects);
	return r == -ENOENT ? 0 : r;
}

/* The same wait, for its own sake: an empty table that no program ever looks up is put where it
 * already is. */
void wait_for_programs(struct objects *objects)
{
	int session_map = bpf_map__fd(objects->skeleton->maps.session_map);

	if (objects->barrier < 0)
		objects->barrier = make_table(1);
	if (put_inner_table(objects, session_map, BARRIER_SLOT, objects->barrier) == 0)
		return;
	usleep(100000); /* no descriptor or memory left: ten times as long as it takes */
	release_retired(objects);
}

void retire_parts(struct objects *objects, uint32_t record, struct stored_image *image)
{
	if (objects->retired_count == RETIRED_MAX)
		wait_for_programs(objects);
	objects->retired[objects->retired_count++] =
		(struct retired_parts){.record = record, .image = image};
}

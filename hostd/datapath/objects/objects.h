/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel objects of an open datapath, and who uses what in them. All of it can be rebuilt from
 * the pinned maps, so none of it is written to a file.
 */
#ifndef VMSEG_DATAPATH_OBJECTS_H
#define VMSEG_DATAPATH_OBJECTS_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/datapath/objects/image_store.h"
#include "hostd/datapath/objects/memory.h"
#include "hostd/datapath/objects/per_cpu.h"
#include "hostd/datapath/objects/pins.h"
#include "hostd/datapath/objects/pool.h"

struct vmseg; /* the skeleton */

#define RETIRED_MAX 16

/* See program_wait.h. */
struct retired_parts {
	uint32_t record; /* number plus one */
	struct stored_image *image;
};

struct objects {
	struct pins pins;
	bool has_dead_links; /* pins of links that are off their devices could not be removed */
	struct vmseg *skeleton;
	struct memory memory;
	struct per_cpu per_cpu; /* for look-ups and updates */
	uint32_t hz;
	int barrier; /* an empty table: see wait_for_programs() */

	struct pool slots;
	struct pool records;
	struct image_store images;

	uint32_t *discarded; /* slots, room for all */
	uint32_t discarded_count;
	uint64_t free_after; /* monotonic_usec(): not before, because freeing a slot has failed */
	struct retired_parts retired[RETIRED_MAX];
	uint32_t retired_count;
};

#endif

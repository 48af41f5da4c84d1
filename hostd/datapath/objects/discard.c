/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that are given back.
 */
#include "hostd/datapath/objects/discard.h"

#include "hostd/base/clock.h"
#include "hostd/datapath/objects/objects.h"
#include "hostd/datapath/objects/program_wait.h"
#include "vmseg.skel.h"

/* Between two tries to take out a table. */
#define RETRY_USEC USEC_PER_SEC

void discard_slot(struct objects *objects, uint32_t slot)
{
	objects->discarded[objects->discarded_count++] = slot;
}

bool can_free_slot(const struct objects *objects)
{
	return objects->discarded_count && monotonic_usec() >= objects->free_after;
}

void free_slot(struct objects *objects)
{
	int sessions = bpf_map__fd(objects->skeleton->maps.session_map);
	int remotes = bpf_map__fd(objects->skeleton->maps.remote_map);
	uint32_t slot;
	int r = 0;

	if (!can_free_slot(objects))
		return;
	slot = objects->discarded[objects->discarded_count - 1];
	if (has_inner_table(remotes, slot))
		r = drop_inner_table(objects, remotes, slot);
	if (r == 0)
		r = drop_inner_table(objects, sessions, slot);
	if (r < 0) {
		objects->free_after = monotonic_usec() + RETRY_USEC;
		return;
	}
	objects->discarded_count--;
	put_range(&objects->slots, slot);
}

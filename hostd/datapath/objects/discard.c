/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that are given back.
 */
#include "hostd/datapath/objects/discard.h"

#include "hostd/base/clock.h"
#include "hostd/datapath/datapath_state.h"
#include "vmseg.skel.h"

/* Between two tries to take out a table. */
#define RETRY_USEC USEC_PER_SEC

void discard_slot(struct datapath *datapath, uint32_t slot)
{
	datapath->discarded[datapath->discarded_count++] = slot;
}

bool is_tidy(const struct datapath *datapath)
{
	return !datapath->discarded_count || monotonic_usec() < datapath->tidy_after;
}

void tidy_datapath(struct datapath *datapath)
{
	int sessions = bpf_map__fd(datapath->skeleton->maps.session_map);
	int remotes = bpf_map__fd(datapath->skeleton->maps.remote_map);
	uint32_t slot;
	int r = 0;

	if (is_tidy(datapath))
		return;
	slot = datapath->discarded[datapath->discarded_count - 1];
	if (has_inner_table(remotes, slot))
		r = drop_inner_table(datapath, remotes, slot);
	if (r == 0)
		r = drop_inner_table(datapath, sessions, slot);
	if (r < 0) {
		datapath->tidy_after = monotonic_usec() + RETRY_USEC;
		return;
	}
	datapath->discarded_count--;
	put_range(&datapath->slots, slot);
}

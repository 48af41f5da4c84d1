/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots that are given back.
 */
#include "hostd/datapath/discard.h"

#include "hostd/datapath/state.h"
#include "vmseg.skel.h"

void discard_slot(struct datapath *datapath, uint32_t slot)
{
	datapath->discarded[datapath->discarded_count++] = slot;
}

bool is_tidy(const struct datapath *datapath)
{
	return !datapath->discarded_count;
}

void tidy_datapath(struct datapath *datapath)
{
	int sessions = bpf_map__fd(datapath->skeleton->maps.session_map);
	int remotes = bpf_map__fd(datapath->skeleton->maps.remote_map);
	uint32_t slot;

	if (is_tidy(datapath))
		return;
	slot = datapath->discarded[--datapath->discarded_count];
	if (has_inner_table(remotes, slot))
		drop_inner_table(datapath, remotes, slot);
	drop_inner_table(datapath, sessions, slot);
	put_range(&datapath->slots, slot);
}

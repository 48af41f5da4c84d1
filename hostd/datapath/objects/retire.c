/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records and images that wait for running programs.
 */
#include "hostd/datapath/objects/retire.h"

#include "hostd/datapath/datapath_state.h"
#include "hostd/datapath/objects/record.h"

void retire_parts(struct datapath *datapath, uint32_t record, struct stored_image *image)
{
	if (datapath->retired_count == RETIRED_MAX)
		wait_for_programs(datapath);
	datapath->retired[datapath->retired_count++] =
		(struct retired_parts){.record = record, .image = image};
}

void release_retired(struct datapath *datapath)
{
	for (uint32_t i = 0; i < datapath->retired_count; i++) {
		drop_record(datapath, datapath->retired[i].record);
		release_image(&datapath->images, datapath->retired[i].image);
	}
	datapath->retired_count = 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records and images that are not in force any more, but that a running program may still be
 * reading. They are given back at the next wait for programs, whatever that is made for: the end of
 * a quarantine, which is a step in every start of a VM, then needs no wait of its own.
 */
#ifndef VMSEG_DATAPATH_RETIRE_H
#define VMSEG_DATAPATH_RETIRE_H

#include <stdint.h>

struct datapath;
struct stored_image;

#define RETIRED_MAX 16

struct retired_parts {
	uint32_t record; /* number plus one */
	struct stored_image *image;
};

/* Waits only if too many are retired already. */
void retire_parts(struct datapath *datapath, uint32_t record, struct stored_image *image);

/* For who has waited: gives back all that is retired. */
void release_retired(struct datapath *datapath);

#endif

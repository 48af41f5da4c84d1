/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Session tables: the inner maps of session_map. A port's table is found by slot; a process holds
 * no descriptor of it, since a host may have thousands.
 */
#ifndef VMSEG_DATAPATH_TABLE_H
#define VMSEG_DATAPATH_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

/* An empty table. Returns a descriptor or -errno. */
int make_table(uint32_t size);

/* ---- reading a table piece by piece --------------------------------------------------------- */

/* Zeroed: nothing read yet. */
struct session_batch {
	struct session_key *keys;
	struct session *values;
	uint32_t count; /* entries in keys and values */
	uint32_t space;
	uint32_t place; /* the kernel's: where the next piece begins */
	bool started;
	bool finished; /* no further piece */
};

/* The next piece of about `wanted` entries, which may be none. Check `finished` first. An entry
 * that is there all the time is read exactly once. */
int read_batch(int table, uint32_t wanted, struct session_batch *batch);

/* Begins anew; the memory is kept. */
void rewind_batch(struct session_batch *batch);
void clear_batch(struct session_batch *batch);

#endif

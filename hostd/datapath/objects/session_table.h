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

struct datapath;
struct filtered_port;

/* An empty table. Returns a descriptor or -errno. */
int make_table(const struct datapath *datapath, uint32_t size);

/* Makes `table` the port's session table, and notes its id and size there. Waits: when it returns,
 * no program uses the former one any more. */
int put_table(struct filtered_port *port, int table);

/* Returns a descriptor of the port's table, or -errno. */
int open_table(const struct filtered_port *port);

/* Reads id and size of the table that session_map has in the port's slot. -ENOENT: none. */
int find_table(struct filtered_port *port);

/* Puts a table in a slot of a map of tables, or takes it out; waits until no program uses the
 * former one. Taking out waits in any case, and succeeds where there is none. 0 or -errno. */
int put_inner_table(struct datapath *datapath, int map, uint32_t slot, int table);
int drop_inner_table(struct datapath *datapath, int map, uint32_t slot);
bool has_inner_table(int map, uint32_t slot);

/* Returns when every program that runs now has ended (some 10 ms): what was unpublished before may
 * then be used again. */
void wait_for_programs(struct datapath *datapath);

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

/* The next piece of about `wished` entries, which may be none. Check `finished` first. An entry
 * that is there all the time is read exactly once. */
int read_batch(int table, uint32_t wished, struct session_batch *batch);

/* Begins anew; the memory is kept. */
void rewind_batch(struct session_batch *batch);
void clear_batch(struct session_batch *batch);

#endif

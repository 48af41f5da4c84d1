/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The round of the sweep over all ports.
 */
#include "hostd/datapath/ports/sweep.h"

#include <stdlib.h>

#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/expiry.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/reserve.h"
#include "hostd/datapath/ports/resize.h"

/* Entries that are read at once, and places of a table that cost as much as one entry. */
#define PIECE           1024
#define PLACES_PER_UNIT 256

/* Where the sweep goes on. */
struct sweep {
	uint32_t slot;        /* port that is being looked at, or the next one */
	struct expiry expiry; /* how far in its table */
};

struct sweep *make_sweep(void)
{
	return calloc(1, sizeof(struct sweep));
}

void free_sweep(struct sweep *sweep)
{
	if (sweep)
		clear_batch(&sweep->expiry.batch);
	free(sweep);
}

/* A table that was left larger than its limit, for the sessions it had. Not for every session that
 * ends: each time, all are copied. */
static void tighten_table(struct filtered_port *port)
{
	uint32_t limit = port->sessions_wanted, size = port->table_size;

	if (size > limit && (port->session_count <= limit || port->session_count < size - size / 8))
		resize_sessions(port, limit);
}

/* The port whose turn it is, or NULL at the end of the round. */
static struct filtered_port *next_port(const struct datapath *datapath, struct sweep *sweep)
{
	for (; sweep->slot <= datapath->last_slot; sweep->slot++)
		if (datapath->by_slot[sweep->slot] && datapath->by_slot[sweep->slot]->table_size)
			return datapath->by_slot[sweep->slot];
	return NULL;
}

/* Returns the units of work done. */
static uint32_t sweep_slice(struct filtered_port *port, struct sweep *sweep, uint32_t budget,
			    uint32_t now)
{
	struct expiry *expiry = &sweep->expiry;
	uint32_t done;
	int r = expire_piece(port, expiry, budget < PIECE ? budget : PIECE, now);

	done = expiry->batch.count;
	if (r == 0 && !expiry->batch.finished)
		return done ? done : 1;
	sweep->slot++;
	rewind_batch(&expiry->batch);
	tighten_table(port);
	return done + 1 + port->table_size / PLACES_PER_UNIT;
}

uint32_t sweep_sessions(struct datapath *datapath, uint32_t budget)
{
	struct sweep *sweep = datapath->sweep;
	struct filtered_port *port;
	uint32_t done = 0, now;

	if (read_jiffies(&datapath->objects, &now) < 0)
		return 0;
	while (done < budget) {
		port = next_port(datapath, sweep);
		if (!port) {
			sweep->slot = 0;
			drop_stale_slot(datapath);
			return done;
		}
		done += sweep_slice(port, sweep, budget - done, now);
	}
	return done;
}

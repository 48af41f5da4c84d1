/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sweep: deletes expired sessions, a slice at a time, and counts the live ones as it goes.
 */
#include "hostd/base/cleanup.h"
#include "hostd/datapath/datapath_state.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/record.h"
#include "hostd/datapath/ports/reserve.h"
#include "hostd/datapath/ports/resize.h"
#include "hostd/datapath/queries/session_query.h"
#include "vmseg.skel.h"

/* Entries that are read at once, and places of a table that cost as much as one entry. */
#define PIECE           1024
#define PLACES_PER_UNIT 256

/* Expired sessions are only named here: the program that ends them looks at each once more, beside
 * the packets. Returns the number of sessions ended, or -errno. */
static int end_expired(const struct filtered_port *port, struct expire_batch *expired,
		       uint32_t count)
{
	struct __sk_buff arguments = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = expired,
		    .data_size_in = sizeof(*expired), .ctx_in = &arguments,
		    .ctx_size_in = sizeof(arguments));
	const struct vmseg *skeleton = port->datapath->skeleton;
	int r;

	if (!count)
		return 0;
	arguments.cb[EXPIRE_RECORD] = port->record - 1;
	arguments.cb[EXPIRE_COUNT] = count;
	r = bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.expire_sessions), &options);
	return r < 0 ? r : (int)options.retval;
}

/* Ends what has expired of the piece that was read, and counts the rest. */
static int clear_piece(const struct filtered_port *port, struct sweep *sweep, uint32_t now)
{
	const struct settings *settings = settings_of(&port->datapath->memory);
	const struct session_batch *batch = &sweep->batch;
	struct expire_batch expired = {0};
	uint32_t count = 0, ended = 0;
	int r;

	for (uint32_t i = 0; i < batch->count; i++) {
		if (!is_expired(settings, &batch->values[i], now))
			continue;
		expired.key[count++] = batch->keys[i];
		if (count < EXPIRE_BATCH_KEYS)
			continue;
		r = end_expired(port, &expired, count);
		if (r < 0)
			return r;
		ended += (uint32_t)r;
		count = 0;
	}
	r = end_expired(port, &expired, count);
	if (r < 0)
		return r;
	sweep->live += batch->count - ended - (uint32_t)r;
	return 0;
}

static int sweep_piece(const struct filtered_port *port, struct sweep *sweep, uint32_t wished,
		       uint32_t now)
{
	_cleanup_close_ int table = open_table(port);
	int r;

	if (table < 0)
		return table;
	r = read_batch(table, wished, &sweep->batch);
	return r < 0 ? r : clear_piece(port, sweep, now);
}

/* ---- one port ------------------------------------------------------------------------------- */

static void begin_port(struct sweep *sweep)
{
	rewind_batch(&sweep->batch);
	sweep->live = 0;
}

/* Longer than any window is set to: the rest of libvirt's migration and the setting's maximum. */
#define PICKUP_SECONDS_MAX 7200

/* 32-bit jiffies come round: a window that is over must not open again weeks later, and one that no
 * daemon has closed in time must not stay open for weeks. */
static void close_pickup_window(const struct filtered_port *port, uint32_t now)
{
	uint32_t *until = &record_of(port)->pickup_until;

	if (*until && *until - now - 1 >= PICKUP_SECONDS_MAX * port->datapath->hz)
		__atomic_store_n(until, 0, __ATOMIC_RELAXED);
}

/* A table that was left larger than its limit, for the sessions it had. Not for every session that
 * ends: each time, all are copied. */
static void tighten_table(struct filtered_port *port)
{
	uint32_t limit = port->sessions_wanted, size = port->table_size;

	if (size > limit && (port->session_count <= limit || port->session_count < size - size / 8))
		resize_sessions(port, limit);
}

static void finish_port(struct filtered_port *port, const struct sweep *sweep, uint32_t now)
{
	port->session_count = sweep->live;
	close_pickup_window(port, now);
}

int sweep_port(struct filtered_port *port)
{
	struct sweep sweep = {0};
	uint32_t now;
	int r = read_jiffies(port->datapath, &now);

	begin_port(&sweep);
	while (r == 0 && !sweep.batch.finished)
		r = sweep_piece(port, &sweep, PIECE, now);
	if (r == 0)
		finish_port(port, &sweep, now);
	clear_batch(&sweep.batch);
	return r;
}

/* ---- the round ------------------------------------------------------------------------------ */

void restart_sweep(const struct filtered_port *port)
{
	struct sweep *sweep = &port->datapath->sweep;

	if (sweep->slot == port->slot)
		rewind_batch(&sweep->batch);
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
	uint32_t done;
	int r;

	if (!sweep->batch.started)
		begin_port(sweep);
	r = sweep_piece(port, sweep, budget < PIECE ? budget : PIECE, now);
	done = sweep->batch.count;
	if (r == 0 && !sweep->batch.finished)
		return done ? done : 1;
	if (r == 0)
		finish_port(port, sweep, now);
	sweep->slot++;
	rewind_batch(&sweep->batch);
	tighten_table(port);
	return done + 1 + port->table_size / PLACES_PER_UNIT;
}

uint32_t sweep_sessions(struct datapath *datapath, uint32_t budget)
{
	struct sweep *sweep = &datapath->sweep;
	struct filtered_port *port;
	uint32_t done = 0, now;

	if (read_jiffies(datapath, &now) < 0)
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

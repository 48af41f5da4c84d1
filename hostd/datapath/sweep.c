/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sweep: deletes expired sessions, a slice at a time, and counts the live ones as it goes.
 */
#include <errno.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/jiffies.h"
#include "hostd/datapath/record.h"
#include "hostd/datapath/resize.h"
#include "hostd/datapath/session.h"
#include "hostd/datapath/state.h"

/* Entries that are read at once, and places of a table that cost as much as one entry. */
#define PIECE           1024
#define PLACES_PER_UNIT 256

static bool is_half_open(const struct session *session)
{
	return session->state == STATE_SYN_SENT || session->state == STATE_SYN_RECEIVED;
}

static void add_half_open(const struct filtered_port *port, int64_t change)
{
	struct port_state *state = &port_states(&port->datapath->memory)[port->slot];

	__atomic_fetch_add(&state->half_open, change, __ATOMIC_RELAXED);
}

void forget_half_open(const struct filtered_port *port, const struct session *session)
{
	if (is_half_open(session))
		add_half_open(port, -1);
}

/* Kernels before 5.14 cannot look up and delete in a hash at once. */
static int take_session(int table, const struct session_key *key, struct session *ret)
{
	int r = bpf_map_lookup_and_delete_elem(table, key, ret);

	if (r == 0 || r == -ENOENT)
		return r;
	r = bpf_map_lookup_elem(table, key, ret);
	return r < 0 ? r : bpf_map_delete_elem(table, key);
}

/* Since the session was read a packet may have opened a new one under its key: what is taken out is
 * looked at once more, and a live one is put back. */
static void delete_expired(const struct filtered_port *port, int table,
			   const struct session_key *key, uint32_t now)
{
	const struct settings *settings = settings_of(&port->datapath->memory);
	struct session session;

	if (take_session(table, key, &session) < 0)
		return;
	if (!is_expired(settings, &session, now) &&
	    bpf_map_update_elem(table, key, &session, BPF_NOEXIST) == 0)
		return;
	forget_half_open(port, &session);
}

static int sweep_piece(const struct filtered_port *port, struct sweep *sweep, uint32_t wished,
		       uint32_t now)
{
	const struct settings *settings = settings_of(&port->datapath->memory);
	_cleanup_close_ int table = open_table(port);
	const struct session *session;
	int r;

	if (table < 0)
		return table;
	r = read_batch(table, wished, &sweep->batch);
	for (uint32_t i = 0; r == 0 && i < sweep->batch.count; i++) {
		session = &sweep->batch.values[i];
		if (is_expired(settings, session, now)) {
			delete_expired(port, table, &sweep->batch.keys[i], now);
			continue;
		}
		sweep->live++;
		sweep->half_open += is_half_open(session);
	}
	return r;
}

/* ---- one port
 * ------------------------------------------------------------------------------------ */

static void begin_port(const struct filtered_port *port, struct sweep *sweep)
{
	rewind_batch(&sweep->batch);
	sweep->live = 0;
	sweep->half_open = 0;
	sweep->half_open_before = port_states(&port->datapath->memory)[port->slot].half_open;
}

/* The count of unfinished handshakes is kept by atomic adds at both ends of a session's life. Two
 * that end one session at the same moment can make it a little wrong for good; when no session is
 * half-open and the count has not moved all the while, it is known to be zero. */
static void correct_half_open(const struct filtered_port *port, const struct sweep *sweep)
{
	const struct port_state *state = &port_states(&port->datapath->memory)[port->slot];
	int64_t count = __atomic_load_n(&state->half_open, __ATOMIC_RELAXED);

	if (sweep->half_open == 0 && count == sweep->half_open_before && count)
		add_half_open(port, -count);
}

/* 32-bit jiffies come round: a window that is over must not open again weeks later. */
static void close_pickup_window(const struct filtered_port *port, uint32_t now)
{
	uint32_t *until = &record_of(port)->pickup_until;

	if (*until && (int32_t)(now - *until) >= 0)
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
	correct_half_open(port, sweep);
	close_pickup_window(port, now);
}

int sweep_port(struct filtered_port *port)
{
	struct sweep sweep = {0};
	uint32_t now;
	int r = read_jiffies(port->datapath, &now);

	begin_port(port, &sweep);
	while (r == 0 && !sweep.batch.finished)
		r = sweep_piece(port, &sweep, PIECE, now);
	if (r == 0)
		finish_port(port, &sweep, now);
	clear_batch(&sweep.batch);
	return r;
}

/* ---- the round
 * ------------------------------------------------------------------------------------ */

void restart_sweep(const struct filtered_port *port)
{
	struct sweep *sweep = &port->datapath->sweep;

	if (sweep->slot == port->slot)
		rewind_batch(&sweep->batch);
}

/* The port whose turn it is, or NULL at the end of the round. */
static struct filtered_port *next_port(const struct datapath *datapath, struct sweep *sweep)
{
	for (; sweep->slot <= datapath->max_ports; sweep->slot++)
		if (datapath->by_slot[sweep->slot])
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
		begin_port(port, sweep);
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
			return done;
		}
		done += sweep_slice(port, sweep, budget - done, now);
	}
	return done;
}

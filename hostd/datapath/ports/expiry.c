/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Expired sessions of one port.
 */
#include "hostd/datapath/ports/expiry.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_sessions.h"
#include "vmseg.skel.h"

/* Entries that are read at once. */
#define PIECE 1024

/* Longer than any window is set to: the rest of libvirt's migration and the setting's maximum. */
#define PICKUP_SECONDS_MAX 7200

bool is_expired(const struct settings *settings, const struct session *session, uint32_t now)
{
	if (session->state >= STATE_MAX)
		return true;
	return jiffies_between(session->seen, now) > settings->timeout[session->state];
}

/* Expired sessions are only named here: the program that ends them looks at each once more, beside
 * the packets. Returns the number of sessions ended, or -errno. */
static int end_expired(const struct filtered_port *port, struct expire_batch *expired,
		       uint32_t count)
{
	struct __sk_buff arguments = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = expired,
		    .data_size_in = sizeof(*expired), .ctx_in = &arguments,
		    .ctx_size_in = sizeof(arguments));
	const struct vmseg *skeleton = port->objects->skeleton;
	int r;

	if (!count)
		return 0;
	arguments.cb[EXPIRE_RECORD] = port->record - 1;
	arguments.cb[EXPIRE_COUNT] = count;
	r = bpf_prog_test_run_opts(bpf_program__fd(skeleton->progs.expire_sessions), &options);
	return r < 0 ? r : (int)options.retval;
}

/* Ends what has expired of the piece that was read, and counts the rest. */
static int clear_piece(const struct filtered_port *port, struct expiry *expiry, uint32_t now)
{
	const struct settings *settings = settings_of(&port->objects->memory);
	const struct session_batch *batch = &expiry->batch;
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
	expiry->live += batch->count - ended - (uint32_t)r;
	return 0;
}

/* 32-bit jiffies come round: a window that is over must not open again weeks later, and one that no
 * daemon has closed in time must not stay open for weeks. */
static void close_pickup_window(const struct filtered_port *port, uint32_t now)
{
	uint32_t *until = &record_of(port)->pickup_until;

	if (*until && *until - now - 1 >= PICKUP_SECONDS_MAX * port->objects->hz)
		__atomic_store_n(until, 0, __ATOMIC_RELAXED);
}

static void begin_pass(struct expiry *expiry, uint32_t table_id)
{
	rewind_batch(&expiry->batch);
	expiry->table_id = table_id;
	expiry->live = 0;
}

static void finish_pass(struct filtered_port *port, const struct expiry *expiry, uint32_t now)
{
	port->session_count = expiry->live;
	close_pickup_window(port, now);
}

int expire_piece(struct filtered_port *port, struct expiry *expiry, uint32_t wanted, uint32_t now)
{
	_cleanup_close_ int table = open_table(port);
	int r;

	if (table < 0)
		return table;
	if (!expiry->batch.started || expiry->table_id != port->table_id)
		begin_pass(expiry, port->table_id);
	r = read_batch(table, wanted, &expiry->batch);
	if (r == 0)
		r = clear_piece(port, expiry, now);
	if (r == 0 && expiry->batch.finished)
		finish_pass(port, expiry, now);
	return r;
}

int expire_port(struct filtered_port *port)
{
	struct expiry expiry = {0};
	uint32_t now;
	int r = read_jiffies(port->objects, &now);

	while (r == 0 && !expiry.batch.finished)
		r = expire_piece(port, &expiry, PIECE, now);
	clear_batch(&expiry.batch);
	return r;
}

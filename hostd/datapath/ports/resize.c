/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resizing: copy, swap, then bring over what happened in the former table while it was copied.
 *
 * After the swap no program writes to the former table (put_table() waits for that), so what it
 * holds is final. A session that had packets meanwhile is merged: without that its TCP windows
 * would stand behind the connection and its next segments would be refused.
 */
#include "hostd/datapath/ports/resize.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/ports/expiry.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_sessions.h"
#include "hostd/datapath/ports/remotes.h"

/* Entries that are read at once. */
#define PIECE 4096

static bool seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void merge_window(const struct tcp_window *old, struct tcp_window *now)
{
	if (seq_after(old->end, now->end))
		now->end = old->end;
	if (seq_after(old->mark, now->mark))
		now->mark = old->mark;
	if (old->max_window > now->max_window)
		now->max_window = old->max_window;
}

/* A FIN that was seen in the former table only. */
static void merge_fin(const struct session *old, struct session *now, int direction)
{
	if (!old->fin[direction] || now->fin[direction])
		return;
	now->fin[direction] = 1;
	now->window[direction].fin_end = old->window[direction].fin_end;
}

static void copy_fins(const struct session *old, struct session *now)
{
	for (int i = 0; i < 2; i++) {
		now->fin[i] = old->fin[i];
		now->window[i].fin_end = old->window[i].fin_end;
	}
}

static void copy_attempt(const struct session *old, struct session *now)
{
	now->attempt = old->attempt;
	now->attempt_scale = old->attempt_scale;
	now->attempt_flags = old->attempt_flags;
	if (old->attempt_flags & ATTEMPT_TWICE) { /* the other answer's number is there */
		enum direction opener =
			old->attempt_flags & ATTEMPT_OUT ? DIRECTION_OUT : DIRECTION_IN;

		now->window[opener].fin_end = old->window[opener].fin_end;
	}
}

/* A SYN's view has no numbers of the peer: what was answered in one table only is of that one. */
static void merge_windows(const struct session *old, struct session *now)
{
	bool old_asks = old->state == STATE_SYN_SENT, now_asks = now->state == STATE_SYN_SENT;

	if (old_asks && !now_asks)
		return;
	if (now_asks && !old_asks) {
		memcpy(now->window, old->window, sizeof(now->window));
		return;
	}
	for (int i = 0; i < 2; i++) {
		merge_window(&old->window[i], &now->window[i]);
		merge_fin(old, now, i);
	}
}

/* Of two views of one connection. Counters, windows and, as states.def is ordered, the states only
 * ever grow; who judged it last says what the verdict is and whether the guards need to be asked.
 */
void merge_session(const struct session *old, struct session *now)
{
	const uint8_t lasting = (uint8_t)~SESSION_GUARDED;

	if (seq_after(now->created, old->created))
		return; /* the next connection between the same ports */
	if (seq_after(old->created, now->created)) {
		*now = *old;
		return;
	}
	if (seq_after(old->generation, now->generation)) {
		now->generation = old->generation;
		now->verdict = old->verdict;
		now->flags = (now->flags & lasting) | (old->flags & SESSION_GUARDED);
	}
	now->flags |= old->flags & lasting;
	merge_windows(old, now);
	if (old->state > now->state) {
		now->state = old->state;
		memcpy(now->scale, old->scale, sizeof(now->scale)); /* agreed on with the state */
		copy_attempt(old, now);
		copy_fins(old, now); /* which a reset puts to another use */
	} else if (old->state == now->state && (old->attempt_flags & ATTEMPT_OPEN)) {
		copy_attempt(old, now);
	}
	if (seq_after(old->seen, now->seen))
		now->seen = old->seen;
	for (int i = 0; i < 2; i++) {
		if (old->packets[i] > now->packets[i])
			now->packets[i] = old->packets[i];
		if (old->bytes[i] > now->bytes[i])
			now->bytes[i] = old->bytes[i];
	}
}

/* A session that the new table has no room for: no program will end it. */
static void forget_session(const struct filtered_port *port, const struct session *session)
{
	struct port_state *state = &port_states(&port->objects->memory)[port->slot];

	if (session->state == STATE_SYN_SENT || session->state == STATE_SYN_RECEIVED)
		__atomic_fetch_sub(&state->half_open, 1, __ATOMIC_RELAXED);
	if (session->state == STATE_TCP_UNCONFIRMED)
		__atomic_fetch_sub(&state->unconfirmed, 1, __ATOMIC_RELAXED);
}

static int copy_session(const struct filtered_port *port, int to, const struct session_key *key,
			const struct session *session)
{
	return bpf_map_update_elem(to, key, session, BPF_ANY);
}

/* The session's last word in the former table. Where the new one has no room for it, it counts as
 * one that came too late. */
static int bring_over_session(const struct filtered_port *port, int to,
			      const struct session_key *key, const struct session *session)
{
	struct session now;
	int r;

	r = bpf_map_update_elem(to, key, session, BPF_NOEXIST);
	if (r == -E2BIG) {
		forget_session(port, session);
		return 0;
	}
	if (r != -EEXIST || bpf_map_lookup_elem(to, key, &now) < 0)
		return r == -EEXIST ? 0 : r;
	merge_session(session, &now);
	r = bpf_map_update_elem(to, key, &now, BPF_EXIST);
	return r == -ENOENT ? 0 : r;
}

/* Can it have changed since `start`? A session that is over is not stamped any more. */
static bool may_have_changed(const struct session *session, uint32_t start)
{
	return session->state >= STATE_TIME_WAIT || (int32_t)(session->seen + 1 - start) >= 0;
}

typedef int (*transfer)(const struct filtered_port *port, int to, const struct session_key *key,
			const struct session *session);

/* Transfers what may have changed since *start, or all where start is NULL; never what a program is
 * about to delete. */
static int transfer_sessions(const struct filtered_port *port, int from, int to,
			     transfer transfer_one, const uint32_t *start)
{
	_cleanup_(clear_batch) struct session_batch batch = {0};
	int r = 0;

	while (r == 0 && !batch.finished) {
		r = read_batch(from, PIECE, &batch);
		for (uint32_t i = 0; r == 0 && i < batch.count; i++)
			if (batch.values[i].state != STATE_ENDED &&
			    (!start || may_have_changed(&batch.values[i], *start)))
				r = transfer_one(port, to, &batch.keys[i], &batch.values[i]);
	}
	return r;
}

/* A new table with all sessions of `from`. Sessions are opened while they are copied, so a table
 * that is just large enough may turn out too small; at the former size it cannot. */
static int copy_table(const struct filtered_port *port, int from, uint32_t size)
{
	for (;;) {
		_cleanup_close_ int to = make_table(size);
		int r = to < 0 ? to : transfer_sessions(port, from, to, copy_session, NULL);

		if (r == 0)
			return TAKE_FD(to);
		if (r != -E2BIG || size >= port->table_size)
			return r;
		size += size / 8 + 64;
		if (size > port->table_size)
			size = port->table_size;
	}
}

static int give_first_table(struct filtered_port *port, uint32_t wanted)
{
	_cleanup_close_ int table = make_table(wanted);
	int r = table < 0 ? table : put_table(port, table);

	if (r == 0)
		port->sessions_wanted = wanted;
	return r;
}

int resize_sessions(struct filtered_port *port, uint32_t wanted)
{
	_cleanup_close_ int from = -1, to = -1;
	uint32_t start, size = wanted;
	int r;

	if (!port->table_size) /* the end of a quarantine */
		return give_first_table(port, wanted);
	if (wanted < port->table_size) {
		r = expire_port(port);
		if (r < 0)
			return r;
		if (size < port->session_count)
			size = port->session_count;
	}
	if (size == port->table_size) {
		port->sessions_wanted = wanted;
		return 0;
	}
	from = open_table(port);
	if (from < 0)
		return from;
	r = read_jiffies(port->objects, &start);
	if (r < 0)
		return r;
	to = copy_table(port, from, size);
	if (to < 0)
		return to;
	r = put_table(port, to);
	if (r < 0)
		return r;
	port->sessions_wanted = wanted;
	/* The new table is in force: what fails now is out of memory for a single session, or for
	 * counts that stay those of the former table. */
	transfer_sessions(port, from, to, bring_over_session, &start);
	if (port->has_remotes)
		renew_remotes(port);
	return 0;
}

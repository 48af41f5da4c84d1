/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * limit.h - how fast and how many. The number of sessions itself is limited by the kernel, through
 * max_entries of the port's session map.
 */
#ifndef VMSEG_BPF_LIMIT_H
#define VMSEG_BPF_LIMIT_H

#include "bpf/port.h"
#include "bpf/settings_map.h"
#include "bpf/table.h"

/* Fractions of a jiffy in a pacing time. */
#define PACE_SHIFT 16

/*
 * Pacing by one number (the virtual scheduling form of ITU-T I.371's GCRA): *due is when the next
 * event would be on time. Each event moves it on by 1/rate; it may run ahead of now by the burst.
 * A token bucket without a lock: the addition is atomic, so no event goes uncounted; two CPUs that
 * both bring a long idle *due up to now at once may let one event too many through.
 */
static __always_inline int within_pace(__u64 *due, __u32 rate, __u32 burst, __u32 hz)
{
	__u64 now = bpf_jiffies64() << PACE_SHIFT, step, ahead = *due;

	if (!rate || !hz)
		return 0;
	step = ((__u64)hz << PACE_SHIFT) / rate;
	if (ahead < now) {
		*due = now;
		ahead = now;
	}
	if (ahead - now > (burst ? burst - 1 : 0) * step)
		return 0;
	__sync_fetch_and_add(due, step);
	return 1;
}

static __always_inline int is_half_open(__u8 state)
{
	return state == STATE_SYN_SENT || state == STATE_SYN_RECEIVED;
}

/* Held by whoever may take a session out of the half-open states: see change_state(). Ports share
 * them. */
#define HANDSHAKE_LOCKS 64

struct handshake_lock {
	struct bpf_spin_lock lock;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HANDSHAKE_LOCKS);
	__type(key, __u32);
	__type(value, struct handshake_lock);
} handshake_lock_map SEC(".maps");

/* A session's handshake has begun (+1) or is no longer unfinished (-1). */
static __always_inline void add_half_open(__u32 slot, __s64 change)
{
	struct port_state *state = find_port_state(slot);

	if (state)
		__sync_fetch_and_add(&state->half_open, change);
}

static __always_inline void add_unconfirmed(__u32 slot, __s64 change)
{
	struct port_state *state = find_port_state(slot);

	if (state)
		__sync_fetch_and_add(&state->unconfirmed, change);
}

static __always_inline struct remote_key remote_of(const struct session_key *key)
{
	struct remote_key remote = {.vlans = key_vlans(key)};

	copy_address(remote.address, key->remote);
	return remote;
}

static __always_inline __s64 *find_remote_count(const struct port *port,
						const struct session_key *key)
{
	void *table = bpf_map_lookup_elem(&remote_map, &port->slot);
	struct remote_key remote = remote_of(key);

	return table ? bpf_map_lookup_elem(table, &remote) : NULL;
}

/* A session with this key was opened. Two CPUs that both open the remote's first one: the second
 * insertion fails, and is tried once more as an addition. */
static __always_inline void count_remote(const struct port *port, const struct session_key *key)
{
	void *table = bpf_map_lookup_elem(&remote_map, &port->slot);
	struct remote_key remote = remote_of(key);
	__s64 one = 1, *count;

	if (!table)
		return;
	count = bpf_map_lookup_elem(table, &remote);
	if (!count && bpf_map_update_elem(table, &remote, &one, BPF_NOEXIST))
		count = bpf_map_lookup_elem(table, &remote);
	if (count)
		__sync_fetch_and_add(count, 1);
}

/* One is over; the last one takes the entry along. */
static __always_inline void uncount_remote(const struct port *port, const struct session_key *key)
{
	void *table = bpf_map_lookup_elem(&remote_map, &port->slot);
	struct remote_key remote = remote_of(key);
	__s64 *count;

	if (!table)
		return;
	count = bpf_map_lookup_elem(table, &remote);
	if (!count)
		return;
	__sync_fetch_and_add(count, -1);
	if (*count <= 0)
		bpf_map_delete_elem(table, &remote);
}

/* Of a connection that has been opened before. */
static __always_inline int is_midstream(const struct packet *pkt)
{
	return pkt->key.protocol == IPPROTO_TCP && !(pkt->tcp.flags & TCP_SYN);
}

/* Does the session count for LIMIT_SESSIONS_PER_REMOTE? One that nobody has confirmed does not: a
 * forger would choose whose sessions they are. */
static __always_inline int counts_for_remote(const struct session *session)
{
	return session->state != STATE_TCP_UNCONFIRMED;
}

/* May one handshake more begin? */
static __always_inline int has_room_for_half_open(const struct port *port)
{
	struct port_state *state;

	if (!port->limits[LIMIT_HALF_OPEN])
		return 1;
	state = find_port_state(port->slot);
	return state && state->half_open < (__s64)port->limits[LIMIT_HALF_OPEN];
}

/* Limits on opening a session, asked after the policy has allowed it. `leaving`: a session that
 * would make room, or NULL. Dry: changes nothing. */
static __always_inline int check_limits(const struct port *port, const struct packet *pkt,
					const struct settings *settings,
					const struct session *leaving, int dry)
{
	const __u32 *limits = port->limits;
	struct port_state *state;
	__s64 *count, fewer;

	if (!limits[LIMIT_SESSION_RATE] && !limits[LIMIT_HALF_OPEN] &&
	    !limits[LIMIT_SESSIONS_PER_REMOTE])
		return UNDECIDED;
	state = find_port_state(port->slot);
	if (!state)
		return REASON_IMAGE;
	fewer = leaving && is_half_open(leaving->state);
	if (limits[LIMIT_HALF_OPEN] && (pkt->tcp.flags & TCP_SYN) &&
	    state->half_open - fewer >= (__s64)limits[LIMIT_HALF_OPEN])
		return REASON_HALF_OPEN_LIMIT;
	if (limits[LIMIT_SESSIONS_PER_REMOTE]) {
		count = find_remote_count(port, &pkt->key);
		fewer = leaving && counts_for_remote(leaving);
		if (count && *count - fewer >= (__s64)limits[LIMIT_SESSIONS_PER_REMOTE])
			return REASON_REMOTE_LIMIT;
	}
	/* Last, because it spends: what another limit refuses must not use up the rate, nor does
	 * what is picked up, which has a limit of its own. */
	if (limits[LIMIT_SESSION_RATE] && !is_midstream(pkt)) {
		__u64 copy = state->session_due;

		if (!within_pace(dry ? &copy : &state->session_due, limits[LIMIT_SESSION_RATE],
				 limits[LIMIT_SESSION_BURST], settings->hz))
			return REASON_RATE_LIMIT;
	}
	return UNDECIDED;
}

#endif

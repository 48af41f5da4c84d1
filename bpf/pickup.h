/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * pickup.h - TCP connections that were open before they were filtered: after a migration, a lost
 * state, or when a port begins to be filtered. For a while (pickup_until of the port) a segment
 * from the middle of a connection may open a session.
 *
 * Which side has opened the connection is not seen, so it is told by the ports; see judge_pickup().
 * One segment proves nothing: anybody can forge it. Until the other side answers with matching
 * numbers the session is unconfirmed (STATE_TCP_UNCONFIRMED): it does not live long, counts for no
 * limit but its own, and a reset deletes it. A SYN is remembered, as in any other session, and only
 * the answer to it starts the session anew: the SYN may be forged, and the peer may challenge it
 * (RFC 5961, 4). For the same reason a SYN that comes first does not end the story: see
 * is_older_than_syn().
 *
 * There is room for port.unconfirmed of them; what the VM receives may take half of it. Where there
 * is no room, or the table is full, a segment that policy allows passes and leaves nothing. So
 * forged segments that the VM receives leave room for its answer, which opens the session and is
 * confirmed by the next segment of its peer. Connections that find no room until the window is over
 * are lost.
 */
#ifndef VMSEG_BPF_PICKUP_H
#define VMSEG_BPF_PICKUP_H

#include "bpf/limit.h"
#include "bpf/policy.h"
#include "bpf/tcp.h"

/* Clients' ports begin here: the first of Linux's ip_local_port_range; those of other systems are
 * above (RFC 6335, 6: from 49152 on). */
#define FIRST_CLIENT_PORT 32768

/* Reserved ports (below 1024) that privileged clients, of NFS for example, are bound to: the range
 * of rresvport(3) and bindresvport(3). */
#define FIRST_RESERVED_CLIENT_PORT 512
#define FIRST_REGISTERED_PORT      1024

static __always_inline int is_pickup_time(const struct port *port, __u32 jiffies)
{
	return port->pickup_until && (__s32)(port->pickup_until - jiffies) > 0;
}

/* Is it a segment from the middle of a connection? */
static __always_inline int is_from_the_middle(const struct packet *pkt)
{
	return (pkt->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK;
}

/* Is this a segment that may open a session from the middle of its connection? */
static __always_inline int is_pickup(const struct port *port, const struct packet *pkt)
{
	return is_pickup_time(port, pkt->now) && is_from_the_middle(pkt);
}

/* Of a session that has begun with a SYN, which nobody has answered: is the segment of a connection
 * that was open before? The SYN may be forged, or its sender has lost its state. */
static __always_inline int is_older_than_syn(const struct port *port, const struct packet *pkt,
					     enum direction direction, int from_opener,
					     const struct tcp_track *track)
{
	if (track->state != STATE_SYN_SENT || !is_pickup(port, pkt))
		return 0;
	return from_opener || (!acknowledges_first(&track->window[!direction], pkt) &&
			       !acknowledges_attempt(direction, pkt, track));
}

/* ---- who has opened it ---------------------------------------------------------------------- */

/* Policy's answer about a connection that was opened in that direction between these ports. */
static __always_inline __u32 ask_about_opening(struct packet *pkt, enum direction opener,
					       __u16 l4_port, __u16 l4_source)
{
	pkt->asked_direction = opener;
	pkt->asked_l4_port = l4_port;
	pkt->asked_l4_source = l4_source;
	return ask_policy(pkt->scratch);
}

/* Is this the reserved port of a client of a registered service? */
static __always_inline int is_reserved_client(__u16 l4_port, __u16 peer)
{
	return l4_port >= FIRST_RESERVED_CLIENT_PORT && l4_port < FIRST_REGISTERED_PORT &&
	       peer >= FIRST_REGISTERED_PORT && peer < FIRST_CLIENT_PORT;
}

/* Is this the port of a service, `peer` being the other side's? By its number, or because a rule
 * lets connections to it in; `verdict` is policy's about those. */
static __always_inline int is_service(__u16 l4_port, __u16 peer, __u32 verdict)
{
	if ((verdict & VERDICT_ALLOW) && (verdict & VERDICT_RULE_MASK))
		return 1;
	return l4_port < FIRST_CLIENT_PORT && !is_reserved_client(l4_port, peer);
}

/*
 * Policy's answer for a segment from the middle of a connection. If the port of one side only is a
 * service's, the other side has opened it, and policy for that direction decides. Otherwise it is
 * not known: then both directions have to be allowed, and the remote counts as the opener, because
 * what it may do is what policies restrict.
 */
static __always_inline int judge_pickup(struct packet *pkt, enum direction direction,
					enum direction *ret_opener, __u32 *ret_verdict)
{
	__u16 local = direction == DIRECTION_OUT ? pkt->l4_source : pkt->l4_port;
	__u16 remote = direction == DIRECTION_OUT ? pkt->l4_port : pkt->l4_source;
	__u32 in = ask_about_opening(pkt, DIRECTION_IN, local, remote);
	__u32 out = ask_about_opening(pkt, DIRECTION_OUT, remote, local);
	int serves_local = is_service(local, remote, in);
	int serves_remote = is_service(remote, local, out);

	*ret_opener = DIRECTION_IN;
	*ret_verdict = in;
	if (in == BAD_CELL || out == BAD_CELL) {
		*ret_verdict = BAD_CELL;
		return REASON_IMAGE;
	}
	if (serves_remote && !serves_local) {
		*ret_opener = DIRECTION_OUT;
		*ret_verdict = out;
	} else if (serves_remote == serves_local && !(out & VERDICT_ALLOW) &&
		   (in & VERDICT_ALLOW)) {
		*ret_verdict = out;
	}
	return *ret_verdict & VERDICT_ALLOW ? UNDECIDED : REASON_POLICY;
}

/* ---- how many ------------------------------------------------------------------------------- */

static __always_inline int has_room_for_unconfirmed(const struct port *port,
						    enum direction direction)
{
	struct port_state *state = find_port_state(port->slot);
	__u32 room = direction == DIRECTION_OUT ? port->unconfirmed : port->unconfirmed / 2;

	return state && state->unconfirmed < (__s64)room;
}

static __always_inline struct handshake_lock *find_handshake_lock(__u32 slot)
{
	__u32 number = slot % HANDSHAKE_LOCKS;

	return bpf_map_lookup_elem(&handshake_lock_map, &number);
}

/* Brings a session from one state to another; answers whether it was in the former. Of two CPUs
 * only one may tell the counts, hence the lock. */
static __always_inline int exchange_state(struct session *session, __u8 from, __u8 to, __u32 slot)
{
	struct handshake_lock *lock;
	__u8 old;

	if (session->state != from)
		return 0;
	lock = find_handshake_lock(slot);
	if (!lock)
		return 0;
	bpf_spin_lock(&lock->lock);
	old = session->state;
	if (old == from)
		session->state = to;
	bpf_spin_unlock(&lock->lock);
	return old == from;
}

/* The session under pkt->key is confirmed: it begins to count for its remote. */
static __always_inline void confirm_session(const struct port *port, const struct packet *pkt,
					    struct session *session)
{
	/* Before its state says so: from then on another CPU may end it, and take it off. */
	if (port->limits[LIMIT_SESSIONS_PER_REMOTE])
		count_remote(port, &pkt->key);
	if (exchange_state(session, STATE_TCP_UNCONFIRMED, STATE_TCP_ESTABLISHED, port->slot)) {
		add_unconfirmed(port->slot, -1);
		session->created = pkt->now; /* for the daemon, which may be counting */
	} else if (port->limits[LIMIT_SESSIONS_PER_REMOTE]) {
		uncount_remote(port, &pkt->key);
	}
}

/* ---- until it is confirmed ------------------------------------------------------------------ */

static __always_inline int is_close(__u32 a, __u32 b)
{
	return a - b + PICKUP_DISTANCE <= 2 * PICKUP_DISTANCE;
}

/* Is this the other side's answer to what has opened the session: about the same place in both
 * streams? */
static __always_inline int is_confirmed_by(const struct session *session, enum direction direction,
					   const struct segment *segment)
{
	enum direction first = session->flags & SESSION_FIRST_OUT ? DIRECTION_OUT : DIRECTION_IN;

	return direction != first && is_close(segment->sequence, session->window[direction].end) &&
	       is_close(segment->acknowledgment, session->window[!direction].end);
}

static __always_inline __u8 first_flag(enum direction direction)
{
	return direction == DIRECTION_OUT ? SESSION_FIRST_OUT : 0;
}

/* What the latest segment says counts, whoever sent it: of two sides that contradict each other one
 * is forged, and the true one will be answered. Of its flags the session keeps `kept`, and `flags`
 * are added: under the lock, because another CPU may be taking SESSION_GUARDED away. */
static __always_inline void restart_pickup(struct session *session, const struct packet *pkt,
					   enum direction direction, __u8 kept, __u8 flags,
					   __u32 slot)
{
	struct handshake_lock *lock = find_handshake_lock(slot);
	struct tcp_track track = {};

	if (!lock)
		return;
	start_midstream(direction, pkt, &track);
	flags |= SESSION_PICKED_UP | first_flag(direction);
	bpf_spin_lock(&lock->lock);
	session->window[0] = track.window[0];
	session->window[1] = track.window[1];
	session->scale[0] = track.scale[0];
	session->scale[1] = track.scale[1];
	session->fin[0] = track.fin[0];
	session->fin[1] = track.fin[1];
	session->flags = (session->flags & kept) | flags;
	bpf_spin_unlock(&lock->lock);
}

/* Does the segment end the unconfirmed session? A reset does at the number that the peer expects,
 * elsewhere the peer asks back (RFC 5961, 3), or as the answer to the latest SYN. After the pick-up
 * window none does: what a forged one ends could not be picked up again. */
static __always_inline int resets_unconfirmed(const struct port *port,
					      const struct session *session,
					      const struct packet *pkt, enum direction direction)
{
	struct tcp_track track = {
		.attempt = session->attempt,
		.attempt_flags = session->attempt_flags,
	};

	return (pkt->tcp.flags & TCP_RST) && is_pickup_time(port, pkt->now) &&
	       (pkt->tcp.sequence == session->window[direction].end ||
		acknowledges_attempt(direction, pkt, &track));
}

/* A segment of an unconfirmed session: the reason that ends its story, or UNDECIDED if it is judged
 * as one of a connection that is known, because it has confirmed the session or has SYN. What a
 * reset ends is up to the caller: see resets_unconfirmed(). */
static __always_inline int follow_unconfirmed(const struct port *port, const struct packet *pkt,
					      struct session *session, enum direction direction,
					      int dry)
{
	const __u8 lasting = SESSION_OPENED_OUT | SESSION_GUARDED;

	if (pkt->tcp.flags & TCP_SYN)
		return UNDECIDED;
	if (!(pkt->tcp.flags & (TCP_ACK | TCP_RST)))
		return REASON_TCP_STATE;
	if (dry || (pkt->tcp.flags & TCP_RST))
		return REASON_ESTABLISHED;
	if (is_confirmed_by(session, direction, &pkt->tcp)) {
		confirm_session(port, pkt, session);
		return UNDECIDED;
	}
	restart_pickup(session, pkt, direction, lasting, 0, port->slot);
	return REASON_ESTABLISHED;
}

#endif

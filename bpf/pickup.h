/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * pickup.h - TCP connections that were open before they were filtered: after a migration, a lost
 * state, or when a port begins to be filtered. For a while (pickup_until of the port) a segment
 * from the middle of a connection may open a session.
 *
 * Which side has opened the connection is not seen, so it is told by the ports; see judge_pickup().
 * One segment proves nothing: anybody can forge it. Until the other side answers with matching
 * numbers the session is unconfirmed (STATE_TCP_UNCONFIRMED): it does not live long, there are only
 * so many of them, and a SYN of a connection that policy allows takes its place.
 *
 * There is room for port.unconfirmed of them; what the VM receives may take half of it. Where there
 * is no room, a segment that policy allows passes and leaves nothing. So forged segments keep no
 * connection from being picked up: the VM's answer opens the session, and is confirmed by the next
 * segment of its peer.
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

/* How far apart, in bytes, two sides may be who speak of the same place in a stream: more than is
 * in flight between them, and little of the sequence space, which a forger has to guess in. */
#define PICKUP_DISTANCE (1U << 24)

/* Is this a segment that may open a session from the middle of its connection? */
static __always_inline int is_pickup(const struct port *port, const struct packet *pkt)
{
	__u32 until = port->pickup_until;

	return until && (__s32)(until - pkt->now) > 0 &&
	       (pkt->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK;
}

/* ---- who has opened it ------------------------------------------------------------------------
 */

/* Policy's answer about a connection that was opened in that direction between these ports. */
static __always_inline __u32 ask_about_opening(struct packet *pkt, enum direction opener,
					       __u16 port, __u16 source)
{
	pkt->asked_direction = opener;
	pkt->asked_port = port;
	pkt->asked_source = source;
	return ask_policy(pkt->scratch);
}

/* Is this the reserved port of a client of a registered service? */
static __always_inline int is_reserved_client(__u16 port, __u16 peer)
{
	return port >= FIRST_RESERVED_CLIENT_PORT && port < FIRST_REGISTERED_PORT &&
	       peer >= FIRST_REGISTERED_PORT && peer < FIRST_CLIENT_PORT;
}

/* Is this the port of a service, `peer` being the other side's? By its number, or because a rule
 * lets connections to it in; `verdict` is policy's about those. */
static __always_inline int is_service(__u16 port, __u16 peer, __u32 verdict)
{
	if ((verdict & VERDICT_ALLOW) && (verdict & VERDICT_RULE_MASK))
		return 1;
	return port < FIRST_CLIENT_PORT && !is_reserved_client(port, peer);
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
	__u16 local = direction == DIRECTION_OUT ? pkt->source_port : pkt->port;
	__u16 remote = direction == DIRECTION_OUT ? pkt->port : pkt->source_port;
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

/* ---- how many ---------------------------------------------------------------------------------
 */

static __always_inline int has_room_for_unconfirmed(const struct port *port,
						    enum direction direction)
{
	struct port_state *state = find_port_state(port->slot);
	__u32 room = direction == DIRECTION_OUT ? port->unconfirmed : port->unconfirmed / 2;

	return state && state->unconfirmed < (__s64)room;
}

/* An unconfirmed session goes to another state: by an answer, a reset, or because it is ended.
 * Of two CPUs only one may tell the count, hence the lock. */
static __always_inline void leave_unconfirmed(struct session *session, __u8 state, __u32 slot)
{
	__u32 number = slot % HANDSHAKE_LOCKS;
	struct handshake_lock *lock;
	__u8 old;

	if (session->state != STATE_TCP_UNCONFIRMED)
		return;
	lock = bpf_map_lookup_elem(&handshake_lock_map, &number);
	if (!lock)
		return;
	bpf_spin_lock(&lock->lock);
	old = session->state;
	if (old == STATE_TCP_UNCONFIRMED)
		session->state = state;
	bpf_spin_unlock(&lock->lock);
	if (old == STATE_TCP_UNCONFIRMED)
		add_unconfirmed(slot, -1);
}

/* ---- until it is confirmed --------------------------------------------------------------------
 */

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
 * is forged, and the true one will be answered. */
static __always_inline void restart_pickup(struct __sk_buff *skb, struct session *session,
					   const struct packet *pkt, enum direction direction)
{
	struct tcp_track track = {};

	track.flags = session->flags & (SESSION_OPENED_OUT | SESSION_PICKED_UP | SESSION_GUARDED);
	start_tcp(skb, direction, pkt, &track);
	session->window[0] = track.window[0];
	session->window[1] = track.window[1];
	session->fin[0] = track.fin[0];
	session->fin[1] = track.fin[1];
	session->flags = track.flags | first_flag(direction);
}

/* A reset at the number that the peer expects ends it; elsewhere the peer asks back (RFC 5961, 3).
 */
static __always_inline void reset_unconfirmed(struct session *session, const struct packet *pkt,
					      enum direction direction, __u32 slot)
{
	if (pkt->tcp.sequence != session->window[direction].end)
		return;
	session->window[0].fin_end = session->window[0].end;
	session->window[1].fin_end = session->window[1].end;
	session->fin[0] = 0;
	session->fin[1] = 0;
	leave_unconfirmed(session, STATE_CLOSED, slot);
}

/* A segment of an unconfirmed session: the reason that ends its story, or UNDECIDED if it has
 * confirmed the session, and is judged as one of a connection that is known. */
static __always_inline int follow_unconfirmed(struct __sk_buff *skb, const struct port *port,
					      const struct packet *pkt, struct session *session,
					      enum direction direction, int dry)
{
	/* A SYN has taken the session's place: see is_succeeded(). */
	if ((pkt->tcp.flags & TCP_SYN) || !(pkt->tcp.flags & (TCP_ACK | TCP_RST)))
		return REASON_TCP_STATE;
	if (dry)
		return REASON_ESTABLISHED;
	if (pkt->tcp.flags & TCP_RST) {
		reset_unconfirmed(session, pkt, direction, port->slot);
		return REASON_ESTABLISHED;
	}
	if (is_confirmed_by(session, direction, &pkt->tcp)) {
		leave_unconfirmed(session, STATE_TCP_ESTABLISHED, port->slot);
		return UNDECIDED;
	}
	restart_pickup(skb, session, pkt, direction);
	return REASON_ESTABLISHED;
}

#endif

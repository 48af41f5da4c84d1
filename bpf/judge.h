/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * judge.h - an IP packet and its session: which session the packet belongs to (session.h follows
 * it), what passes as related to one (related.h), and what opens a new one. The policy is asked
 * first, then the limits; a session is made last, so a packet that is dropped leaves nothing.
 */
#ifndef VMSEG_BPF_JUDGE_H
#define VMSEG_BPF_JUDGE_H

#include "bpf/fragment.h"
#include "bpf/neighbor.h"
#include "bpf/related.h"
#include "bpf/session.h"

#define EEXIST_ERROR 17 /* another CPU was faster */

/* ---- opening a session ----------------------------------------------------------------------- */

/* May this packet open a session at all? */
static __always_inline int may_open(const struct judgement *judgement, const struct packet *pkt,
				    __u8 *flags)
{
	const __u8 kinds = TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN;

	if (pkt->icmp_class == ICMP_CLASS_REPLY || pkt->icmp_class == ICMP_CLASS_ERROR)
		return REASON_ICMP_STATE;
	if (pkt->key.protocol != IPPROTO_TCP || (pkt->tcp.flags & kinds) == TCP_SYN)
		return UNDECIDED;
	if (is_pickup(judgement->port, pkt)) {
		*flags |= SESSION_PICKED_UP;
		return UNDECIDED;
	}
	return REASON_TCP_STATE;
}

/* Policy's answer for a packet that would open a session; *opener is the side that counts as having
 * opened it. */
static __always_inline int judge_opening(struct judgement *judgement, struct packet *pkt,
					 enum direction direction, __u8 flags,
					 enum direction *opener)
{
	if (flags & SESSION_PICKED_UP)
		return judge_pickup(pkt, direction, opener, &judgement->verdict);
	*opener = direction;
	pkt->asked_direction = direction;
	pkt->asked_l4_port = pkt->l4_port;
	pkt->asked_l4_source = pkt->l4_source;
	judgement->verdict = ask_policy(pkt->scratch);
	if (judgement->verdict == BAD_CELL)
		return REASON_IMAGE;
	return judgement->verdict & VERDICT_ALLOW ? UNDECIDED : REASON_POLICY;
}

static __always_inline void fill_session(struct __sk_buff *skb, const struct judgement *judgement,
					 const struct packet *pkt, enum direction direction,
					 __u8 flags, struct session *session)
{
	struct tcp_track track = {.state = STATE_UNREPLIED, .flags = flags};

	if (pkt->key.protocol == IPPROTO_TCP)
		start_tcp(skb, direction, pkt, &track);
	session->seen = pkt->now;
	session->created = pkt->now;
	session->generation = judgement->port->generation;
	session->verdict = judgement->verdict;
	session->state = track.state;
	session->scale[0] = track.scale[0];
	session->scale[1] = track.scale[1];
	session->flags = flags;
	write_sides(session, &track);
	write_attempt(session, &track);
	if (flags & SESSION_PICKED_UP) {
		session->state = STATE_TCP_UNCONFIRMED;
		session->flags |= first_flag(direction);
	}
	session->packets[direction] = 1;
	session->bytes[direction] = pkt->length;
}

static __always_inline int insert_session(const struct judgement *judgement,
					  const struct packet *pkt, const struct session *session)
{
	const struct port *port = judgement->port;
	long error = bpf_map_update_elem(judgement->table, &pkt->key, session, BPF_NOEXIST);

	if (error == -EEXIST_ERROR)
		return REASON_ESTABLISHED;
	if (error) /* full, or no memory: the flood ends here */
		return REASON_SESSION_LIMIT;
	if (is_half_open(session->state))
		add_half_open(port->slot, 1);
	if (session->state == STATE_TCP_UNCONFIRMED)
		add_unconfirmed(port->slot, 1);
	if (port->limits[LIMIT_SESSIONS_PER_REMOTE] && counts_for_remote(session))
		count_remote(port, &pkt->key);
	return UNDECIDED;
}

/* May the port have one session more? One under the same key that is over, and which the sweep has
 * not met yet, makes room for its successor first. */
static __always_inline int make_room(const struct judgement *judgement, struct packet *pkt, int dry)
{
	struct session *old = NULL;

	if (judgement->is_over)
		old = bpf_map_lookup_elem(judgement->table, &pkt->key);
	/* Since it was looked for, another CPU has opened the next one. */
	if (old && !is_expired(old, pkt->now, judgement->settings) &&
	    !is_succeeded(old, pkt, judgement->port))
		return REASON_ESTABLISHED;
	if (old && !dry) {
		end_over_session(judgement, pkt, old);
		old = NULL;
	}
	return check_limits(judgement->port, pkt, judgement->settings, old, dry);
}

static __always_inline int is_over_limit(int reason)
{
	return reason == REASON_REMOTE_LIMIT || reason == REASON_SESSION_LIMIT;
}

/* No session: policy, then limits, then the session; never state before the verdict. `flags` comes
 * with SESSION_GUARDED where the local address is known to be the port's. */
static __always_inline int open_session(struct __sk_buff *skb, struct judgement *judgement,
					struct packet *pkt, enum direction direction, __u8 flags,
					int dry)
{
	enum direction opener;
	struct session session = {};
	int reason;

	reason = may_open(judgement, pkt, &flags);
	if (reason == UNDECIDED)
		reason = judge_opening(judgement, pkt, direction, flags, &opener);
	if (reason == UNDECIDED && (flags & SESSION_PICKED_UP) &&
	    !has_room_for_unconfirmed(judgement->port, direction))
		return REASON_PICKED_UP; /* and leaves nothing */
	if (reason == UNDECIDED)
		reason = make_room(judgement, pkt, dry);
	if (reason == UNDECIDED && opener == DIRECTION_OUT)
		flags |= SESSION_OPENED_OUT;
	if (reason == UNDECIDED && !dry) {
		fill_session(skb, judgement, pkt, direction, flags, &session);
		reason = insert_session(judgement, pkt, &session);
	}
	/* Like where there is no room for unconfirmed ones. */
	if ((flags & SESSION_PICKED_UP) && is_over_limit(reason))
		return REASON_PICKED_UP;
	if (reason != UNDECIDED)
		return reason;
	return flags & SESSION_PICKED_UP ? REASON_PICKED_UP : REASON_NEW;
}

/* ---- which session --------------------------------------------------------------------------- */

/* A packet whose key has no session. */
static __always_inline int judge_stranger(struct __sk_buff *skb, enum direction direction,
					  struct judgement *judgement, struct packet *pkt,
					  int widened, int dry)
{
	const struct port *port = judgement->port;
	__u8 flags = 0;
	int reason;

	if (direction == DIRECTION_OUT) {
		if (!widened)
			flags = SESSION_GUARDED; /* guard_ip() was just asked */
	} else {
		reason = judge_answer(judgement, pkt);
		if (reason != UNDECIDED)
			return reason;
		/* A session that a remote opens to an address that is not the port's must not
		 * exempt the guest's replies from the guard. */
		if (port->address_count && is_own_address(port, pkt, pkt->key.local))
			flags = SESSION_GUARDED;
	}
	return open_session(skb, judgement, pkt, direction, flags, dry);
}

static __always_inline int judge_session(struct __sk_buff *skb, enum direction direction,
					 struct judgement *judgement, struct packet *pkt, int dry)
{
	const struct port *port = judgement->port;
	int widened = direction == DIRECTION_OUT && is_multicast(pkt, pkt->key.remote);
	struct session *session = NULL;
	int guarded, reason;

	if (widened) {
		reason = guard_ip(port, pkt);
		if (reason != UNDECIDED)
			return reason;
		widen_multicast_key(pkt);
	}
	if (widened || !judgement->is_stranger)
		session = bpf_map_lookup_elem(judgement->table, &pkt->key);
	if (session && (is_expired(session, pkt->now, judgement->settings) ||
			is_succeeded(session, pkt, port))) {
		judgement->is_over = 1;
		session = NULL;
	}
	judgement->has_session = !!session;
	/* Another generation's port may have had other addresses. */
	guarded = session && session->generation == port->generation &&
		  (session->flags & SESSION_GUARDED);
	if (direction == DIRECTION_OUT && !widened && !guarded) {
		reason = guard_ip(port, pkt);
		if (reason != UNDECIDED)
			return reason;
		guarded = 1;
	}
	if (!session)
		return judge_stranger(skb, direction, judgement, pkt, widened, dry);
	if (session->generation != port->generation) {
		reason = rejudge_session(judgement, pkt, session, direction, dry);
		if (reason != UNDECIDED)
			return reason;
	}
	if (guarded && !dry && !(session->flags & SESSION_GUARDED))
		note_guarded(session, port);
	return follow_session(skb, judgement, pkt, session, direction, dry);
}

/* What has no session that could vouch for its sender: later fragments, and ICMP but for queries
 * and replies. Returns UNDECIDED for what may still open a session. */
static __always_inline int judge_sessionless(struct __sk_buff *skb, enum direction direction,
					     const struct judgement *judgement, struct packet *pkt,
					     int dry)
{
	const struct port *port = judgement->port;
	int reason = direction == DIRECTION_OUT ? guard_ip(port, pkt) : UNDECIDED;

	if (reason != UNDECIDED)
		return reason;
	if (pkt->fragment == FRAGMENT_LATER)
		return judge_later_fragment(port, pkt, direction, judgement->settings->hz);
	if (pkt->family == 6 && is_nd(pkt))
		return judge_nd(skb, direction, port, pkt);
	if (is_membership(pkt, direction))
		return REASON_MULTICAST;
	if (pkt->icmp_class == ICMP_CLASS_ERROR)
		return judge_icmp_error(skb, direction, judgement, pkt, dry);
	return UNDECIDED;
}

#endif

/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * session.h - sessions: finding, following, judging again, ending. judge.h opens them.
 *
 * A session is one flow between the VM and a remote address: an entry of the port's own hash table
 * (table.h). Its key is written from the VM's point of view, so packets of both directions find the
 * same entry. It holds the verdict that admitted the flow, the generation of the port's record that
 * judged it last, and, for TCP, what both sides have sent and acknowledged. Its state (states.def)
 * says how long it may be idle; an entry that is idle for longer counts as absent.
 *
 * The two directions usually run on two CPUs, and one direction may run on several. Who writes
 * what:
 *
 * - packets, bytes, window and fin have one place for each direction. Packets of that direction
 * write it, by plain stores and without a lock, and so does the fast path. If two CPUs handle one
 *   direction at once, one update may be lost: then a counter is short by a packet, or a window is
 *   behind by a segment, which latitude() allows for.
 * - seen is a plain store from either direction. Two clocks differ by a few jiffies at most
 *   (STAMP_AHEAD_MAX).
 * - state, scale and attempt of a TCP session, and both sides at once when it starts anew or is
 *   reset, are written under the port's handshake lock: see change_state(). Established traffic
 *   takes that lock only after a change of the port's configuration.
 * - UNREPLIED becomes REPLIED by a plain store: every CPU would write the same value.
 * - generation, verdict and SESSION_GUARDED are written under that lock, too: see accept_session()
 *   and note_guarded(). They are written by the packet that sees a new record first
 *   (rejudge_session()). Two CPUs that do so at once ask the same policy and write the same answer.
 *   A CPU that still holds the former record judges by that one, until its packet is done.
 *
 * The daemon writes sessions only when it brings them to another table: see merge_session() in
 * hostd/datapath/ports/resize.c.
 *
 * Insertion is by BPF_NOEXIST: of two first packets one opens the session, the other finds it. If
 * several CPUs end a session at once (packets, or the daemon's sweep through expire.h), one of them
 * takes it to STATE_ENDED under the lock, and that one alone deletes the entry and gives its counts
 * back. A packet that has found the entry before may still write to it after it was deleted. The
 * kernel may have given its memory to another session of the port by then, whose counters, time or
 * windows this one packet changes; the kernel's hash tables do not prevent it without a lock.
 */
#ifndef VMSEG_BPF_SESSION_H
#define VMSEG_BPF_SESSION_H

#include "bpf/event.h"
#include "bpf/guard.h"
#include "bpf/pickup.h"
#include "bpf/policy.h"
#include "bpf/table.h"
#include "bpf/tcp.h"

/* What a step needs to know beside the packet; all of it lives on the caller's stack or in maps. */
struct judgement {
	const struct port *port;
	const struct settings *settings;
	void *table;            /* the port's session table */
	__u32 verdict;          /* out: the policy's cell, where it was asked */
	__s32 pending_checksum; /* see find_pending_checksum() */
	__u8 has_session;       /* out */
	__u8 is_stranger;       /* the fast path has looked for a session, and there is none */
	__u8 is_over;           /* there is one, but it has run out or has been succeeded */
};

static __always_inline int is_expired(const struct session *session, __u32 now,
				      const struct settings *settings)
{
	__u64 state = session->state;

	/* Bounded right where it is used: older verifiers forget the bound of a spilled register.
	 */
	asm volatile("%[state] &= %[mask]" : [state] "+r"(state) : [mask] "i"(STATE_MAX - 1));
	/* Another CPU may have stamped the session after this one read its clock. */
	return now - session->seen + STAMP_AHEAD_MAX > settings->timeout[state] + STAMP_AHEAD_MAX;
}

/* The live session of a key, or NULL: what has expired is absent, whether or not it was swept. */
static __always_inline struct session *find_session(const struct judgement *judgement,
						    const struct session_key *key,
						    const struct packet *pkt)
{
	struct session *session = bpf_map_lookup_elem(judgement->table, key);

	if (session && is_expired(session, pkt->now, judgement->settings))
		return NULL;
	return session;
}

/* A session that is over runs out, whatever still arrives. */
static __always_inline int is_running_out(__u8 state)
{
	return state == STATE_TIME_WAIT || state == STATE_CLOSED;
}

/* Has the connection gone through its handshake, and was it not reset? */
static __always_inline int is_synchronized(__u8 state)
{
	return state == STATE_TCP_ESTABLISHED || state == STATE_FIN_WAIT ||
	       state == STATE_CLOSING || state == STATE_TIME_WAIT;
}

/* May a session go to a state? What was judged in state `from` holds as long as it is still in that
 * one; otherwise another CPU was faster, and it only goes up. */
static __always_inline int may_become(__u8 now, __u8 from, __u8 to)
{
	return now != STATE_ENDED &&
	       (now == from || to > now || (is_synchronized(now) && is_synchronized(to)));
}

/* Both sides at once: of a session that starts, or is reset. */
static __always_inline void write_sides(struct session *session, const struct tcp_track *track)
{
	session->window[0] = track->window[0];
	session->window[1] = track->window[1];
	session->fin[0] = track->fin[0];
	session->fin[1] = track->fin[1];
	session->flags = (session->flags & SESSION_GUARDED) | (track->flags & ~SESSION_GUARDED);
}

static __always_inline void write_attempt(struct session *session, const struct tcp_track *track)
{
	session->attempt = track->attempt;
	session->attempt_scale = track->attempt_scale;
	session->attempt_flags = track->attempt_flags;
}

/* Notes a SYN that changes nothing else, unless another CPU has changed the state in which it was
 * judged: then it waits for its repetition. */
static __always_inline void note_syn(struct session *session, const struct tcp_track *track,
				     __u32 slot)
{
	struct handshake_lock *lock = find_handshake_lock(slot);

	if (!lock)
		return;
	bpf_spin_lock(&lock->lock);
	if (session->state == track->state)
		write_attempt(session, track);
	bpf_spin_unlock(&lock->lock);
}

/* Brings the session's state to the track's, which was judged in state `from`. Under a lock,
 * because the end of a connection follows from what both directions have written, because of two
 * CPUs that both end a handshake only one may say so to the limit, and because a start is whole or
 * not at all, with its scales and its SYN. Segments of established connections do not come here. */
static __always_inline void change_state(struct session *session, const struct tcp_track *track,
					 __u8 from, __u32 slot)
{
	struct handshake_lock *lock = find_handshake_lock(slot);
	__u8 old, state = track->state;

	if (!lock)
		return;
	bpf_spin_lock(&lock->lock);
	old = session->state;
	if (may_become(old, from, state)) {
		if (track->changed & CHANGED_ATTEMPT)
			write_attempt(session, track);
		if ((track->changed & (CHANGED_ALL | CHANGED_SCALE)) && old == from) {
			session->scale[0] = track->scale[0];
			session->scale[1] = track->scale[1];
		}
		if ((track->changed & CHANGED_ALL) && (old == from || state == STATE_CLOSED))
			write_sides(session, track);
		if (is_synchronized(state))
			state = state_by_fins(session->window, session->fin);
		session->state = state;
	} else {
		state = old;
	}
	bpf_spin_unlock(&lock->lock);
	if (is_half_open(old) != is_half_open(state))
		add_half_open(slot, is_half_open(state) ? 1 : -1);
}

/* The event that the session under pkt->key is over. */
static __always_inline void report_end(struct packet *pkt, const struct session *session,
				       enum direction direction, __u8 reason)
{
	pkt->event_kind = EVENT_ENDED;
	pkt->event_reason = reason;
	pkt->event_direction = direction;
	pkt->event_audit = 0;
	pkt->event_verdict = session->verdict;
	send_event(pkt->scratch);
}

static __always_inline enum direction opener_of(const struct session *session)
{
	return session->flags & SESSION_OPENED_OUT ? DIRECTION_OUT : DIRECTION_IN;
}

/* A connection that is over, and that the policy now in force has not judged, does not stand in the
 * way of a new one on the same ports (RFC 9293, 3.6.1): nothing is asked about it any more. */
static __always_inline int is_succeeded(const struct session *session, const struct packet *pkt,
					const struct port *port)
{
	return is_running_out(session->state) && session->generation != port->generation &&
	       (pkt->tcp.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* A reset ends at once what nobody has confirmed: see resets_unconfirmed(), which was asked. */
static __always_inline int is_taken_back(const struct session *session, const struct packet *pkt)
{
	return session->state == STATE_TCP_UNCONFIRMED && (pkt->tcp.flags & TCP_RST);
}

/* Takes the session to STATE_ENDED. Returns 1 and the state it was in; or 0 if another CPU was
 * faster, or if the entry is another session's now, which has no reason to end. */
static __always_inline int take_end(const struct judgement *judgement, const struct packet *pkt,
				    struct session *session, __u8 reason, __u8 *ret_state)
{
	struct handshake_lock *lock = find_handshake_lock(judgement->port->slot);
	__u32 now = pkt->now;
	int ends = 0;

	if (!lock)
		return 0;
	bpf_spin_lock(&lock->lock);
	*ret_state = session->state;
	if (session->state != STATE_ENDED &&
	    (reason == REASON_REVOKED ? session->generation != judgement->port->generation
				      : is_expired(session, now, judgement->settings) ||
						is_succeeded(session, pkt, judgement->port) ||
						is_taken_back(session, pkt))) {
		session->state = STATE_ENDED;
		session->seen = now - STAMP_AHEAD_MAX;
		ends = 1;
	}
	bpf_spin_unlock(&lock->lock);
	return ends;
}

/* Ends the session under pkt->key, which has expired, has a successor, is reset unconfirmed, or is
 * revoked; with an event where `reported`. Returns 1, or 0 if another CPU was faster. */
static __always_inline int end_session(const struct judgement *judgement, struct packet *pkt,
				       struct session *session, enum direction direction,
				       __u8 reason, int reported)
{
	__u8 state;

	if (!take_end(judgement, pkt, session, reason, &state))
		return 0;
	if (reported)
		report_end(pkt, session, direction, reason);
	if (is_half_open(state))
		add_half_open(judgement->port->slot, -1);
	if (state == STATE_TCP_UNCONFIRMED)
		add_unconfirmed(judgement->port->slot, -1);
	/* What was never confirmed has not been counted for its remote. */
	if (!bpf_map_delete_elem(judgement->table, &pkt->key) && state != STATE_TCP_UNCONFIRMED &&
	    judgement->port->limits[LIMIT_SESSIONS_PER_REMOTE])
		uncount_remote(judgement->port, &pkt->key);
	return 1;
}

/* Ends a session that has run out or closed; reported as its opener's if its rule wants so. */
static __always_inline int end_over_session(const struct judgement *judgement, struct packet *pkt,
					    struct session *session)
{
	return end_session(judgement, pkt, session, opener_of(session), REASON_ESTABLISHED,
			   !!(session->verdict & VERDICT_LOG));
}

/* ---- following a session -------------------------------------------------------------------- */

/* The question that the session's first packet put: what is judged when the policy changes. Of an
 * ICMP session the type is known (it is the other side's port), the code is taken as 0. */
static __always_inline void recall_question(struct packet *pkt, const struct session *session)
{
	int opened_out = session->flags & SESSION_OPENED_OUT;
	__u16 local = bpf_ntohs(pkt->key.local_port), remote = bpf_ntohs(pkt->key.remote_port);

	pkt->asked_direction = opened_out ? DIRECTION_OUT : DIRECTION_IN;
	pkt->asked_l4_port = opened_out ? remote : local;
	pkt->asked_l4_source = opened_out ? local : remote;
	if (pkt->icmp_class) {
		pkt->asked_l4_port <<= 8;
		pkt->asked_l4_source = 0;
	}
}

/* The port's record has judged the session, by the verdict. That the guard knows its address may be
 * another record's word: the port's addresses may have changed too. A CPU that holds the former
 * record writes the former generation, so the next packet is judged again. */
static __always_inline void accept_session(struct session *session, __u32 verdict,
					   const struct port *port)
{
	struct handshake_lock *lock = find_handshake_lock(port->slot);
	__u32 generation = port->generation;

	if (!lock)
		return;
	bpf_spin_lock(&lock->lock);
	session->verdict = verdict;
	if (session->generation != generation)
		session->flags &= ~SESSION_GUARDED;
	session->generation = generation;
	bpf_spin_unlock(&lock->lock);
}

/* The guard has found the session's local address among those of the record. A CPU that still holds
 * the former record must not say so of the new one: hence the lock, and the generation. */
static __always_inline void note_guarded(struct session *session, const struct port *port)
{
	struct handshake_lock *lock = find_handshake_lock(port->slot);
	__u32 generation = port->generation;

	if (!lock)
		return;
	bpf_spin_lock(&lock->lock);
	if (session->generation == generation)
		session->flags |= SESSION_GUARDED;
	bpf_spin_unlock(&lock->lock);
}

/* A session of an older generation, under the policy that is now in force. */
static __always_inline int rejudge_session(struct judgement *judgement, struct packet *pkt,
					   struct session *session, enum direction direction,
					   int dry)
{
	__u32 verdict;

	recall_question(pkt, session);
	verdict = ask_policy(pkt->scratch);
	judgement->verdict = verdict;
	if (verdict == BAD_CELL)
		return REASON_IMAGE;
	if (!(verdict & VERDICT_ALLOW)) {
		if (!(session->verdict & VERDICT_KEEP_ESTABLISHED)) {
			if (!dry && !(judgement->port->flags & PORT_AUDIT))
				end_session(judgement, pkt, session, direction, REASON_REVOKED, 1);
			return REASON_REVOKED;
		}
		verdict = session->verdict;
	}
	if (!dry)
		accept_session(session, verdict, judgement->port);
	return UNDECIDED;
}

/* What a segment has changed of a session that was in old_state, and no more: another CPU may be
 * writing what the other direction changes. After the handshake that is apart, field by field: a
 * sender's segments alone move what it has sent, offered and acknowledged. To write back anything
 * else would undo what the peer's segments have moved meanwhile, and the answers to those would be
 * out of the window. */
static __always_inline void write_tcp(struct session *session, const struct tcp_track *track,
				      __u8 old_state, enum direction direction, __u32 slot)
{
	const struct tcp_window *sender = &track->window[direction];
	struct tcp_window *window = &session->window[direction];

	if (!(track->changed & CHANGED_ALL)) {
		raise_sequence(&window->end, sender->end);
		raise_sequence(&window->mark, sender->mark);
		if (sender->max_window > window->max_window)
			window->max_window = sender->max_window;
		if (track->fin[direction]) {
			window->fin_end = sender->fin_end;
			session->fin[direction] = 1;
		}
	}
	if (track->changed || track->state != old_state || session->fin[0] || session->fin[1])
		change_state(session, track, old_state, slot);
}

static __always_inline void read_tcp(const struct session *session, struct tcp_track *track)
{
	track->window[0] = session->window[0];
	track->window[1] = session->window[1];
	track->attempt = session->attempt;
	track->attempt_scale = session->attempt_scale;
	track->attempt_flags = session->attempt_flags;
	track->scale[0] = session->scale[0];
	track->scale[1] = session->scale[1];
	track->fin[0] = session->fin[0];
	track->fin[1] = session->fin[1];
	track->state = session->state;
	track->flags = session->flags;
	track->changed = 0;
}

/* Does the packet come from the side that opened the session? */
static __always_inline int is_from_opener(__u8 flags, enum direction direction)
{
	return (direction == DIRECTION_OUT) == !!(flags & SESSION_OPENED_OUT);
}

/* May a connection be opened on the session's ports, in the direction `opener`? */
static __always_inline int ask_about_another(struct judgement *judgement, struct packet *pkt,
					     enum direction direction, enum direction opener)
{
	pkt->asked_direction = opener;
	pkt->asked_l4_port = opener == direction ? pkt->l4_port : pkt->l4_source;
	pkt->asked_l4_source = opener == direction ? pkt->l4_source : pkt->l4_port;
	judgement->verdict = ask_policy(pkt->scratch);
	if (judgement->verdict == BAD_CELL)
		return REASON_IMAGE;
	return judgement->verdict & VERDICT_ALLOW ? UNDECIDED : REASON_POLICY;
}

/* The session has started anew, from what was judged in old_state: what it was before is over. */
static __always_inline void count_anew(struct packet *pkt, struct session *session, __u8 old_state,
				       enum direction old_opener)
{
	if (old_state <= STATE_SYN_RECEIVED)
		return;
	if (session->verdict & VERDICT_LOG)
		report_end(pkt, session, old_opener, REASON_ESTABLISHED);
	session->created = pkt->now;
	session->packets[0] = 0;
	session->packets[1] = 0;
	session->bytes[0] = 0;
	session->bytes[1] = 0;
}

/* A SYN or an answer that another connection comes of: see begins_another(). */
static __always_inline int follow_another(struct __sk_buff *skb, struct judgement *judgement,
					  struct packet *pkt, struct session *session,
					  enum direction direction, enum direction opener,
					  struct tcp_track *track, int dry)
{
	enum direction old_opener = opener_of(session);
	int reason = ask_about_another(judgement, pkt, direction, opener);
	__u8 state = track->state;

	if (reason != UNDECIDED)
		return reason;
	if (pkt->tcp.flags & TCP_ACK) {
		/* At the SYN the session was not half-open, and the limit may have been reached
		 * since. */
		if (!is_half_open(state) && !has_room_for_half_open(judgement->port))
			return REASON_HALF_OPEN_LIMIT;
		start_another(skb, direction, pkt, is_from_opener(track->flags, direction), track);
		if (dry)
			return REASON_ESTABLISHED;
		if (state == STATE_TCP_UNCONFIRMED) {
			confirm_session(judgement->port, pkt, session);
			state = STATE_TCP_ESTABLISHED;
		}
		write_tcp(session, track, state, direction, judgement->port->slot);
		count_anew(pkt, session, state, old_opener);
		accept_session(session, judgement->verdict, judgement->port);
		return REASON_ESTABLISHED;
	}
	reason = REASON_ESTABLISHED;
	if (is_known_syn(direction, pkt, is_from_opener(track->flags, direction), track))
		return reason;
	if ((is_running_out(state) || state == STATE_TCP_UNCONFIRMED) &&
	    !is_noted_syn(direction, pkt, track)) {
		reason = check_limits(judgement->port, pkt, judgement->settings, session, dry);
		if (reason != UNDECIDED)
			return reason;
		reason = REASON_NEW;
	}
	take_later_syn(direction, pkt, is_from_opener(track->flags, direction),
		       read_scale(skb, pkt->scratch), track);
	if (!dry)
		note_syn(session, track, judgement->port->slot);
	return reason;
}

/* A segment of a connection that was open before the SYN that its session has begun with: if policy
 * allows it, the session becomes one that is picked up. The SYN still waits for an answer. */
static __always_inline int pick_up_instead(struct judgement *judgement, struct packet *pkt,
					   struct session *session, enum direction direction,
					   int dry)
{
	const struct port *port = judgement->port;
	enum direction opener;
	__u32 verdict;
	__u8 flags;
	int reason = judge_pickup(pkt, direction, &opener, &verdict);

	if (reason != UNDECIDED)
		return reason == REASON_POLICY ? UNDECIDED : reason;
	judgement->verdict = verdict;
	if (dry || !has_room_for_unconfirmed(port, direction) ||
	    !exchange_state(session, STATE_SYN_SENT, STATE_TCP_UNCONFIRMED, port->slot))
		return REASON_PICKED_UP;
	add_half_open(port->slot, -1);
	add_unconfirmed(port->slot, 1);
	if (port->limits[LIMIT_SESSIONS_PER_REMOTE])
		uncount_remote(port, &pkt->key);
	flags = opener == DIRECTION_OUT ? SESSION_OPENED_OUT : 0;
	restart_pickup(session, pkt, direction, SESSION_GUARDED, flags, port->slot);
	accept_session(session, verdict, port);
	return REASON_PICKED_UP;
}

static __always_inline int follow_tcp(struct __sk_buff *skb, struct judgement *judgement,
				      struct packet *pkt, struct session *session,
				      enum direction direction, int dry)
{
	struct tcp_track track;
	enum direction opener;
	int reason, from_opener;
	__u8 state;

	if (session->state == STATE_TCP_UNCONFIRMED) {
		reason = follow_unconfirmed(judgement->port, pkt, session, direction, dry);
		if (reason != UNDECIDED)
			return reason;
	}
	read_tcp(session, &track);
	state = track.state;
	from_opener = is_from_opener(track.flags, direction);
	if (is_older_than_syn(judgement->port, pkt, direction, from_opener, &track)) {
		reason = pick_up_instead(judgement, pkt, session, direction, dry);
		if (reason != UNDECIDED)
			return reason;
	}
	if (begins_another(direction, pkt, from_opener, &track, &opener))
		return follow_another(skb, judgement, pkt, session, direction, opener, &track, dry);
	reason = judge_tcp(skb, direction, pkt, judgement->port->guards & GUARD_TCP_WINDOW,
			   from_opener, &track);
	if (reason == REASON_ESTABLISHED && !dry)
		write_tcp(session, &track, state, direction, judgement->port->slot);
	return reason;
}

static __always_inline void touch_session(struct session *session, __u32 now, __u32 length,
					  enum direction direction, int refreshes)
{
	if (refreshes && session->seen != now)
		session->seen = now;
	session->packets[direction]++;
	session->bytes[direction] += length;
}

/* Does a packet in that direction come from the side that did not open the session? */
static __always_inline int is_answer(const struct session *session, enum direction direction)
{
	return !is_from_opener(session->flags, direction);
}

/* Does a packet that has passed show that the session lives? A SYN in a session that has been
 * answered does not: both ends may have forgotten it. (One that is accepted as new in a session
 * that is over refreshes it, so that the answer still meets the SYN.) */
static __always_inline int shows_life(const struct packet *pkt, const struct session *session,
				      __u8 old_state)
{
	if (is_running_out(old_state) && is_running_out(session->state))
		return 0;
	return pkt->key.protocol != IPPROTO_TCP || old_state == STATE_SYN_SENT ||
	       (pkt->tcp.flags & (TCP_SYN | TCP_ACK)) != TCP_SYN;
}

/* Has a packet that was judged so been taken into the session? One that is picked up may have found
 * no room. */
static __always_inline int is_followed(int reason, const struct session *session)
{
	return reason == REASON_ESTABLISHED || reason == REASON_NEW ||
	       (reason == REASON_PICKED_UP && session->state == STATE_TCP_UNCONFIRMED);
}

/* A packet of a session of the current generation. */
static __always_inline int follow_session(struct __sk_buff *skb, struct judgement *judgement,
					  struct packet *pkt, struct session *session,
					  enum direction direction, int dry)
{
	int reason = REASON_ESTABLISHED, answers = is_answer(session, direction);
	__u8 old_state = session->state;

	if (pkt->key.protocol == IPPROTO_TCP)
		reason = follow_tcp(skb, judgement, pkt, session, direction, dry);
	/* Where an identifier equals a type, queries of both sides have one key: see parse_icmp().
	 * The session is the first side's, and only that side asks. */
	else if (pkt->icmp_class == (answers ? ICMP_CLASS_QUERY : ICMP_CLASS_REPLY))
		reason = REASON_ICMP_STATE;
	else if (answers && session->state == STATE_UNREPLIED && !dry)
		session->state = STATE_REPLIED;
	if (dry || !is_followed(reason, session))
		return reason;
	touch_session(session, pkt->now, pkt->length, direction,
		      reason == REASON_NEW || shows_life(pkt, session, old_state));
	if (old_state == STATE_TCP_UNCONFIRMED &&
	    resets_unconfirmed(judgement->port, session, pkt, direction))
		end_over_session(judgement, pkt, session);
	return reason;
}

#endif

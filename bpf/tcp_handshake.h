/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * tcp_handshake.h - how a TCP session starts, or starts anew: by a SYN and the answer to it (RFC
 * 9293, 3.5). Up to the answer.
 */
#ifndef VMSEG_BPF_TCP_HANDSHAKE_H
#define VMSEG_BPF_TCP_HANDSHAKE_H

#include "bpf/tcp_track.h"

/* What a SYN can offer at most: windows in it are not scaled. */
#define RIVAL_WINDOW 65535

/* The sender's side as its SYN sets it up. */
static __always_inline void start_side(const struct packet *pkt, struct tcp_window *side)
{
	side->end = pkt->tcp.end;
	side->fin_end = 0;
	side->max_window = pkt->tcp.window ? pkt->tcp.window : 1;
	side->mark = pkt->tcp.sequence;
}

/* Of the same SYN sent again the larger offers count: any of them may be the one that arrived. */
static __always_inline __u8 larger_scale(__u8 a, __u8 b)
{
	if (a == SCALE_UNKNOWN || b == SCALE_UNKNOWN)
		return a == SCALE_UNKNOWN ? b : a;
	return a > b ? a : b;
}

/* Remembers a SYN; `scale` is its window scale option. */
static __always_inline void note_attempt(enum direction direction, const struct packet *pkt,
					 __u8 scale, struct tcp_track *track)
{
	struct tcp_attempt *attempt = &track->attempt;
	__u16 length = pkt->tcp.end - pkt->tcp.sequence - 1;
	__u16 window = pkt->tcp.window;
	__u8 flags = attempt_by(direction) | ATTEMPT_OPEN;

	if (is_attempt(track, direction, ATTEMPT_OPEN) && attempt->sequence == pkt->tcp.sequence) {
		if (attempt->length > length)
			length = attempt->length;
		if (attempt->window > window)
			window = attempt->window;
		scale = larger_scale(track->attempt_scale, scale);
		flags |= track->attempt_flags & ATTEMPT_TWICE;
	}
	attempt->sequence = pkt->tcp.sequence;
	attempt->length = length;
	attempt->window = window;
	track->attempt_scale = scale;
	track->attempt_flags = flags;
	track->changed |= CHANGED_ATTEMPT;
}

/* There is one place for SYNs that wait for an answer. The opener's keeps it, because the other
 * side's is most likely forged; but if that comes again, the opener's may be the forged one. */
static __always_inline void take_later_syn(enum direction direction, const struct packet *pkt,
					   int from_opener, __u8 scale, struct tcp_track *track)
{
	if (from_opener || !is_attempt(track, !direction, ATTEMPT_OPEN) ||
	    (track->attempt_flags & ATTEMPT_RIVAL)) {
		note_attempt(direction, pkt, scale, track);
		return;
	}
	track->attempt_flags |= ATTEMPT_RIVAL;
	track->changed |= CHANGED_ATTEMPT;
}

/* Does the segment acknowledge the other side's latest SYN, which waits for an answer? */
static __always_inline int acknowledges_attempt(enum direction direction, const struct packet *pkt,
						const struct tcp_track *track)
{
	__u32 acknowledged = pkt->tcp.acknowledgment - track->attempt.sequence - 1;

	return (pkt->tcp.flags & TCP_ACK) && is_attempt(track, !direction, ATTEMPT_OPEN) &&
	       acknowledged <= track->attempt.length;
}

/* Does the segment acknowledge the SYN that the session began with, and nothing that was never
 * sent? */
static __always_inline int acknowledges_first(const struct tcp_window *opener,
					      const struct packet *pkt)
{
	return (pkt->tcp.flags & TCP_ACK) && seq_after(pkt->tcp.acknowledgment, opener->mark) &&
	       !seq_after(pkt->tcp.acknowledgment, opener->end);
}

/* The side that sent the latest SYN, as that sets it up. */
static __always_inline void start_from_attempt(enum direction opener, struct tcp_track *track)
{
	struct tcp_window *side = &track->window[opener];

	side->mark = track->attempt.sequence;
	side->end = side->mark + 1 + track->attempt.length;
	side->fin_end = 0;
	side->max_window = track->attempt.window ? track->attempt.window : 1;
	track->scale[opener] = track->attempt_scale;
}

/* The SYN that the session began with counts as the latest one: that is what was answered. */
static __always_inline void attempt_from_start(enum direction opener, struct tcp_track *track)
{
	const struct tcp_window *side = &track->window[opener];

	track->attempt.sequence = side->mark;
	track->attempt.length = side->end - side->mark - 1;
	track->attempt.window = side->max_window;
	track->attempt_scale = track->scale[opener];
	track->attempt_flags = attempt_by(opener) | ATTEMPT_OPEN;
}

/* Scaling holds only if both SYNs carried the option (RFC 7323, 2.2). */
static __always_inline void agree_scale(struct tcp_track *track)
{
	if (track->scale[0] == SCALE_UNKNOWN || track->scale[1] == SCALE_UNKNOWN) {
		track->scale[0] = 0;
		track->scale[1] = 0;
	}
}

/* SYN and ACK, the answer to a SYN: starts the session, from the opener's side that is set up
 * already. `direction` is the answer's. */
static __always_inline int take_answer(struct __sk_buff *skb, enum direction direction,
				       const struct packet *pkt, struct tcp_track *track)
{
	start_side(pkt, &track->window[direction]);
	track->scale[direction] = read_scale(skb, pkt->scratch);
	agree_scale(track);
	/* From here on marks are acknowledgments: each in the other's sequence space. */
	track->window[direction].mark = pkt->tcp.acknowledgment;
	track->window[!direction].mark = pkt->tcp.sequence;
	track->fin[0] = 0;
	track->fin[1] = 0;
	track->flags &= ~(SESSION_PICKED_UP | SESSION_OPENED_OUT);
	if (direction == DIRECTION_IN)
		track->flags |= SESSION_OPENED_OUT;
	track->state = STATE_SYN_RECEIVED;
	track->changed |= CHANGED_ALL | CHANGED_START | CHANGED_ATTEMPT;
	return REASON_ESTABLISHED;
}

/* A track for a connection of which a segment from the middle is all that is known. Scales and
 * windows are upper bounds. */
static __always_inline void start_midstream(enum direction direction, const struct packet *pkt,
					    struct tcp_track *track)
{
	struct tcp_window *sender = &track->window[direction];
	struct tcp_window *receiver = &track->window[!direction];
	__u32 window = (__u32)pkt->tcp.window << SCALE_MAX;

	track->state = STATE_TCP_ESTABLISHED;
	track->scale[0] = SCALE_MAX;
	track->scale[1] = SCALE_MAX;
	sender->end = pkt->tcp.end;
	sender->mark = pkt->tcp.acknowledgment;
	sender->max_window = window > PICKUP_DISTANCE ? window : PICKUP_DISTANCE;
	receiver->end = pkt->tcp.acknowledgment;
	/* What the peer has acknowledged so far is most likely what comes next. */
	receiver->mark = pkt->tcp.sequence;
	receiver->max_window = PICKUP_DISTANCE;
	take_fin(direction, pkt, track);
}

/* A TCP track for a session's first packet. */
static __always_inline void start_tcp(struct __sk_buff *skb, enum direction direction,
				      const struct packet *pkt, struct tcp_track *track)
{
	if (track->flags & SESSION_PICKED_UP) {
		start_midstream(direction, pkt, track);
		return;
	}
	track->state = STATE_SYN_SENT;
	start_side(pkt, &track->window[direction]);
	track->scale[direction] = read_scale(skb, pkt->scratch);
	attempt_from_start(direction, track);
}

/* An opener may withdraw what nobody has answered; and it resets the old connection that the peer
 * still knows, which has other numbers (RFC 9293, 3.5.1), so these pass and end nothing here. */
static __always_inline int take_openers_reset(const struct packet *pkt,
					      const struct tcp_window *opener,
					      struct tcp_track *track)
{
	if (pkt->tcp.sequence - opener->mark <= opener->end - opener->mark)
		close_track(track);
	return REASON_ESTABLISHED;
}

/* The same SYN again, or a new attempt from the same port. Both count until one is answered: of two
 * with different numbers one may be forged. */
static __always_inline int take_openers_syn(struct __sk_buff *skb, enum direction direction,
					    const struct packet *pkt, struct tcp_track *track)
{
	struct tcp_window *opener = &track->window[direction];
	__u8 scale = read_scale(skb, pkt->scratch);

	if (pkt->tcp.sequence != opener->mark) {
		note_attempt(direction, pkt, scale, track);
		return REASON_ESTABLISHED;
	}
	raise_sequence(&opener->end, pkt->tcp.end);
	if (pkt->tcp.window > opener->max_window)
		opener->max_window = pkt->tcp.window;
	track->scale[direction] = larger_scale(track->scale[direction], scale);
	track->changed |= CHANGED_ALL;
	return REASON_ESTABLISHED;
}

/* SYN and ACK of a peer that answers another SYN passes, too, and changes nothing: the opener
 * resets it, which frees the peer (RFC 9293, 3.10.7.3). */
static __always_inline int answer_syn(struct __sk_buff *skb, enum direction direction,
				      const struct packet *pkt, struct tcp_track *track)
{
	if (acknowledges_first(&track->window[!direction], pkt))
		attempt_from_start(!direction, track);
	else if (acknowledges_attempt(direction, pkt, track))
		start_from_attempt(!direction, track);
	else
		return REASON_ESTABLISHED;
	return take_answer(skb, direction, pkt, track);
}

/* SYN from the side that was asked: both open at once, or somebody else has asked in its name, or
 * speaks for it now. Who acknowledges what will show. */
static __always_inline int take_other_syn(struct __sk_buff *skb, enum direction direction,
					  const struct packet *pkt, struct tcp_track *track)
{
	start_side(pkt, &track->window[direction]);
	track->scale[direction] = read_scale(skb, pkt->scratch);
	track->changed |= CHANGED_ALL;
	return REASON_ESTABLISHED;
}

/* Is the opener's SYN and ACK to the other side's SYN of a number that the opener has sent a SYN
 * with? Then both open at once. If not, the SYN that the session began with was not the opener's.
 */
static __always_inline int repeats_opening(enum direction direction, const struct packet *pkt,
					   const struct tcp_track *track)
{
	return pkt->tcp.sequence == track->window[direction].mark ||
	       (is_attempt(track, direction, ATTEMPT_OPEN) &&
		pkt->tcp.sequence == track->attempt.sequence);
}

/* Has the side sent a SYN that nobody has answered? Its first word, in SYN-SENT. */
static __always_inline int has_asked(const struct tcp_window *side)
{
	return side->max_window != 0;
}

/* The opener's SYN and ACK to the other side's SYN: both open at once (RFC 9293, figure 7), or the
 * other side has not acknowledged yet (the split handshake). One that acknowledges another SYN is
 * reset by the other side if that has asked: see answer_syn(). */
static __always_inline int take_openers_answer(enum direction direction, const struct packet *pkt,
					       struct tcp_track *track)
{
	struct tcp_window *opener = &track->window[direction];
	__u32 answer = track->window[!direction].mark;

	if (!acknowledges_first(&track->window[!direction], pkt))
		return has_asked(&track->window[!direction]) ? REASON_ESTABLISHED
							     : REASON_TCP_STATE;
	if (pkt->tcp.sequence != opener->mark)
		start_from_attempt(direction, track);
	else
		attempt_from_start(direction, track);
	agree_scale(track);
	track->window[!direction].mark = opener->mark;
	opener->mark = pkt->tcp.acknowledgment;
	track->changed |= CHANGED_ALL | CHANGED_ATTEMPT;
	establish_track(direction, answer, track);
	return REASON_ESTABLISHED;
}

static __always_inline int judge_syn_sent(struct __sk_buff *skb, enum direction direction,
					  const struct packet *pkt, int from_opener,
					  struct tcp_track *track)
{
	__u8 kind = pkt->tcp.flags & (TCP_SYN | TCP_RST | TCP_FIN | TCP_ACK);

	if (from_opener) {
		if (kind == TCP_SYN)
			return take_openers_syn(skb, direction, pkt, track);
		if (kind == (TCP_SYN | TCP_ACK))
			return take_openers_answer(direction, pkt, track);
		return kind & TCP_RST ? take_openers_reset(pkt, &track->window[direction], track)
				      : REASON_TCP_STATE;
	}
	if (kind == TCP_SYN)
		return take_other_syn(skb, direction, pkt, track);
	if (kind == (TCP_SYN | TCP_ACK))
		return answer_syn(skb, direction, pkt, track);
	if (kind & TCP_RST) {
		if (!acknowledges_first(&track->window[!direction], pkt) &&
		    !acknowledges_attempt(direction, pkt, track))
			return has_asked(&track->window[direction]) ? REASON_ESTABLISHED
								    : REASON_TCP_STATE;
		close_track(track);
		return REASON_ESTABLISHED;
	}
	/* A peer that still knows an old connection answers by an empty ACK, which makes the
	 * opener reset it (RFC 9293, 3.5.1). */
	if (kind == TCP_ACK && pkt->transport_length == pkt->tcp_header)
		return REASON_ESTABLISHED;
	return REASON_TCP_STATE;
}

#endif

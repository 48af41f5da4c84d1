/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * tcp.h - the TCP state machine (RFC 9293; resets and challenge ACKs as RFC 5961 asks). It judges a
 * segment against a track of the session (tcp_track.h).
 *
 * What a receiver throws away (a bad checksum, an old timestamp) cannot be told here from what it
 * takes. So a segment alone begins, ends and moves nothing for good: a SYN counts when it is
 * answered, a FIN when it is acknowledged, a reset unless both sides go on.
 */
#ifndef VMSEG_BPF_TCP_H
#define VMSEG_BPF_TCP_H

#include "bpf/tcp_handshake.h"

/* ---- SYN once both sides have spoken --------------------------------------------------------- */

/* In a handshake: has the answerer's SYN this number? The opener has acknowledged none yet. */
static __always_inline int repeats_answer(enum direction direction, const struct packet *pkt,
					  const struct tcp_track *track)
{
	return pkt->tcp.sequence == track->window[!direction].mark;
}

/* In a handshake: the answerer has sent SYN, but has not shown that it knows the opener's number.
 * Anybody could have sent that. */
static __always_inline int is_answer_unproven(enum direction direction,
					      const struct tcp_track *track)
{
	return is_attempt(track, !direction, ATTEMPT_OPEN) &&
	       track->window[direction].mark == track->attempt.sequence;
}

/* It has, and it is the latest SYN that it has acknowledged. */
static __always_inline int is_answer_proven(enum direction direction, const struct tcp_track *track)
{
	return track->window[direction].mark - track->attempt.sequence - 1 <= track->attempt.length;
}

/* Whose connection would come of this segment, other than the session's opener's? The policy has to
 * be asked first. Returns 1 and the direction in which that connection is opened, or 0. */
static __always_inline int turns_around(enum direction direction, const struct packet *pkt,
					int from_opener, const struct tcp_track *track,
					enum direction *ret_opener)
{
	__u8 kind = pkt->tcp.flags & (TCP_SYN | TCP_RST | TCP_FIN | TCP_ACK);

	if (track->state == STATE_SYN_SENT)
		return 0;
	if (kind == TCP_SYN && !from_opener) {
		*ret_opener = direction;
		return track->state != STATE_SYN_RECEIVED ||
		       !(repeats_answer(direction, pkt, track) ||
			 is_answer_unproven(direction, track));
	}
	if (kind == (TCP_SYN | TCP_ACK) && from_opener) {
		*ret_opener = !direction;
		return acknowledges_attempt(direction, pkt, track);
	}
	return 0;
}

/* SYN in a session that is under way. Its sender may have lost its state: a peer that has not
 * answers by a challenge ACK (RFC 5961, 4), one that has by SYN and ACK, and only that changes the
 * session. So the SYN passes, is remembered, and changes nothing else. */
static __always_inline int judge_late_bare_syn(struct __sk_buff *skb, enum direction direction,
					       const struct packet *pkt, int from_opener,
					       struct tcp_track *track)
{
	if (track->state == STATE_SYN_RECEIVED && !from_opener) {
		if (repeats_answer(direction, pkt, track))
			return REASON_ESTABLISHED;
		if (is_answer_unproven(direction, track)) {
			start_from_attempt(!direction, track);
			return take_answer(skb, direction, pkt, track);
		}
	}
	/* The SYN that the session began with, late. */
	if (is_attempt(track, direction, ATTEMPT_DONE) &&
	    track->attempt.sequence == pkt->tcp.sequence)
		return REASON_ESTABLISHED;
	note_attempt(direction, pkt, read_scale(skb, pkt->scratch), track);
	return REASON_ESTABLISHED;
}

/* The answer sent again, maybe with an option that was left out before: see larger_scale(). */
static __always_inline int take_repeated_answer(struct __sk_buff *skb, enum direction direction,
						const struct packet *pkt, struct tcp_track *track)
{
	__u8 scale = read_scale(skb, pkt->scratch);

	if (scale != SCALE_UNKNOWN && track->attempt_scale != SCALE_UNKNOWN) {
		track->scale[direction] = scale;
		track->scale[!direction] = track->attempt_scale;
		track->changed |= CHANGED_SCALE;
	}
	return REASON_ESTABLISHED;
}

/* SYN and ACK. To the latest SYN: the session starts anew, whatever state it is in, because who
 * answers so knows no other connection. Else it has to be a repetition. */
static __always_inline int judge_late_syn_ack(struct __sk_buff *skb, enum direction direction,
					      const struct packet *pkt, int from_opener,
					      struct tcp_track *track)
{
	const struct tcp_window *sender = &track->window[direction];

	if (acknowledges_attempt(direction, pkt, track)) {
		if (track->state == STATE_SYN_RECEIVED && !from_opener &&
		    repeats_answer(direction, pkt, track) && is_answer_proven(direction, track))
			return take_repeated_answer(skb, direction, pkt, track);
		start_from_attempt(!direction, track);
		return take_answer(skb, direction, pkt, track);
	}
	if (track->flags & SESSION_PICKED_UP)
		return REASON_TCP_STATE;
	if (seq_after(pkt->tcp.sequence, sender->end) ||
	    !is_in_window(sender, &track->window[!direction], &pkt->tcp))
		return REASON_TCP_WINDOW;
	/* Simultaneous open: the opener's SYN+ACK ends the handshake. */
	if (track->state == STATE_SYN_RECEIVED && from_opener)
		establish_track(direction, track);
	return REASON_ESTABLISHED;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* A reset ends the session only at exactly the number the peer expects; elsewhere in the window
 * the peer answers by a challenge ACK (RFC 5961, 3), and so the segment may pass. */
static __always_inline int take_reset(enum direction direction, const struct packet *pkt,
				      struct tcp_track *track)
{
	if (track->state != STATE_CLOSED && (pkt->tcp.sequence == track->window[direction].end ||
					     pkt->tcp.sequence == track->window[!direction].mark))
		close_track(track);
	return REASON_ESTABLISHED;
}

/* After a reset. If its receiver has thrown it away (a bad checksum), both go on, and the one who
 * is said to have sent it acknowledges what came after it, or has what it sends acknowledged. No
 * dead end does that. */
static __always_inline int outlives_reset(enum direction direction, const struct packet *pkt,
					  const struct tcp_track *track)
{
	return (pkt->tcp.flags & TCP_ACK) &&
	       seq_after(track->window[direction].mark, track->sent_at_reset[!direction]);
}

/* A connection that was withdrawn or refused before the other side had spoken has no windows. */
static __always_inline int was_never_answered(const struct tcp_track *track)
{
	return track->state == STATE_CLOSED && !(track->flags & SESSION_PICKED_UP) &&
	       (!track->window[0].max_window || !track->window[1].max_window);
}

/* A segment without SYN, of a session whose handshake has been answered. */
static __always_inline int judge_synchronized(enum direction direction, const struct packet *pkt,
					      int strict, int from_opener, struct tcp_track *track)
{
	struct tcp_window *sender = &track->window[direction];
	struct tcp_window *receiver = &track->window[!direction];
	int finishes;

	/* Every segment carries ACK, a reset may not. */
	if (!(pkt->tcp.flags & (TCP_ACK | TCP_RST)))
		return REASON_TCP_STATE;
	/* Nobody is there for the latest SYN. */
	if ((pkt->tcp.flags & TCP_RST) && acknowledges_attempt(direction, pkt, track)) {
		close_track(track);
		return REASON_ESTABLISHED;
	}
	if (!fits_windows(track->flags, strict, sender, receiver, &pkt->tcp))
		return REASON_TCP_WINDOW;
	if (pkt->tcp.flags & TCP_RST)
		return take_reset(direction, pkt, track);
	finishes = track->state == STATE_SYN_RECEIVED && from_opener &&
		   seq_after(pkt->tcp.acknowledgment, sender->mark);
	move_windows(sender, receiver, &pkt->tcp, track->scale[direction]);
	take_fin(direction, pkt, track);
	if (finishes)
		establish_track(direction, track);
	else if (track->state == STATE_CLOSED && outlives_reset(direction, pkt, track))
		track->state = STATE_TCP_ESTABLISHED;
	return REASON_ESTABLISHED;
}

/* Judges a segment of a known session: REASON_ESTABLISHED with *track moved on, or why not. */
static __always_inline int judge_tcp(struct __sk_buff *skb, enum direction direction,
				     const struct packet *pkt, int strict, int from_opener,
				     struct tcp_track *track)
{
	/* SYN goes with neither; stacks differ in what they make of it. */
	if ((pkt->tcp.flags & TCP_SYN) && (pkt->tcp.flags & (TCP_FIN | TCP_RST)))
		return REASON_TCP_STATE;
	if (track->state == STATE_SYN_SENT)
		return judge_syn_sent(skb, direction, pkt, from_opener, track);
	if (was_never_answered(track))
		return REASON_TCP_STATE;
	if (!(pkt->tcp.flags & TCP_SYN))
		return judge_synchronized(direction, pkt, strict, from_opener, track);
	if (pkt->tcp.flags & TCP_ACK)
		return judge_late_syn_ack(skb, direction, pkt, from_opener, track);
	return judge_late_bare_syn(skb, direction, pkt, from_opener, track);
}

#endif

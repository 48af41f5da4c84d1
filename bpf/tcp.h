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

/* ---- SYN once both sides have spoken -------------------------------------------------------- */

/* Has the answerer's SYN this number? The opener has acknowledged no more than that. */
static __always_inline int repeats_answer(enum direction direction, const struct packet *pkt,
					  const struct tcp_track *track)
{
	__u32 acknowledged = track->window[!direction].mark - pkt->tcp.sequence;

	return acknowledged <= 1 &&
	       (track->state == STATE_SYN_RECEIVED || track->state == STATE_TCP_ESTABLISHED);
}

/* Has the bare SYN been noted already? */
static __always_inline int is_noted_syn(enum direction direction, const struct packet *pkt,
					const struct tcp_track *track)
{
	return is_attempt(track, direction, ATTEMPT_OPEN) &&
	       track->attempt.sequence == pkt->tcp.sequence;
}

/* In a handshake: is it the opener's SYN that has been answered, while a later one is noted? It
 * does not take the place of that. */
static __always_inline int repeats_answered(enum direction direction, const struct packet *pkt,
					    const struct tcp_track *track)
{
	return track->state == STATE_SYN_RECEIVED && !is_noted_syn(direction, pkt, track) &&
	       track->window[!direction].mark == pkt->tcp.sequence + 1;
}

/* Is the bare SYN one that the session knows, of either side's beginning? */
static __always_inline int is_known_syn(enum direction direction, const struct packet *pkt,
					int from_opener, const struct tcp_track *track)
{
	if (track->state == STATE_TIME_WAIT || track->state == STATE_CLOSED)
		return 0;
	if (is_attempt(track, direction, ATTEMPT_DONE) &&
	    track->attempt.sequence == pkt->tcp.sequence)
		return 1;
	return from_opener ? repeats_answered(direction, pkt, track)
			   : repeats_answer(direction, pkt, track);
}

/* In a handshake: has this side answered the latest SYN already? */
static __always_inline int has_answered(enum direction direction, int from_opener,
					const struct tcp_track *track)
{
	return track->state == STATE_SYN_RECEIVED && !from_opener &&
	       track->window[direction].mark - track->attempt.sequence - 1 <= track->attempt.length;
}

/* In a handshake: the answer again, to the same SYN. */
static __always_inline int is_answer_again(enum direction direction, const struct packet *pkt,
					   int from_opener, const struct tcp_track *track)
{
	return has_answered(direction, from_opener, track) &&
	       pkt->tcp.sequence == track->window[!direction].mark;
}

/* SYN and ACK of a side with the number that it has asked with, when the other side has asked
 * since: both open at once. */
static __always_inline int answers_rival(enum direction direction, const struct packet *pkt,
					 const struct tcp_track *track)
{
	return (track->attempt_flags & ATTEMPT_RIVAL) && is_noted_syn(direction, pkt, track);
}

/* May another connection than the session's come of this segment? A SYN in a session that is under
 * way or over: its sender may have lost its state. A peer that has not answers by a challenge ACK
 * (RFC 5961, 4), one that has by SYN and ACK, and only that changes the session. So the SYN passes,
 * is remembered, and changes nothing else. The policy is asked about both, and about a SYN that the
 * session knows, because its receiver may have forgotten the session. Only in a handshake such a
 * SYN passes unasked. Returns 1 and the direction in which that connection is opened, or 0. */
static __always_inline int begins_another(enum direction direction, const struct packet *pkt,
					  int from_opener, const struct tcp_track *track,
					  enum direction *ret_opener)
{
	__u8 kind = pkt->tcp.flags & (TCP_SYN | TCP_RST | TCP_FIN | TCP_ACK);

	if (kind == TCP_SYN) {
		*ret_opener = direction;
		return track->state != STATE_SYN_SENT &&
		       (track->state != STATE_SYN_RECEIVED ||
			!is_known_syn(direction, pkt, from_opener, track));
	}
	*ret_opener = !direction;
	if (kind != (TCP_SYN | TCP_ACK))
		return 0;
	if (track->state == STATE_SYN_SENT)
		return from_opener && acknowledges_first(&track->window[!direction], pkt) &&
		       !repeats_opening(direction, pkt, track);
	return answers_rival(direction, pkt, track) ||
	       (acknowledges_attempt(direction, pkt, track) &&
		!is_answer_again(direction, pkt, from_opener, track));
}

/* The session starts anew, opened by the side whose SYN was not noted, because the other's waited
 * for an answer. The answer says its number; its window and scale are upper bounds. The SYN that
 * was noted may still be answered: the other one may have been forged. */
static __always_inline void start_from_rival(struct __sk_buff *skb, enum direction direction,
					     const struct packet *pkt, struct tcp_track *track)
{
	struct tcp_window *opener = &track->window[!direction];

	opener->end = pkt->tcp.acknowledgment;
	opener->fin_end = 0;
	opener->max_window = RIVAL_WINDOW;
	track->scale[!direction] = SCALE_MAX;
	take_answer(skb, direction, pkt, track);
	track->attempt_flags &= ~ATTEMPT_RIVAL;
}

/* A second answer to the same SYN, with another number. The opener takes the first that arrives,
 * and which that is cannot be seen: until it acknowledges one, the first number and the latest
 * both count, with the larger of what they offered. The number that is not in the windows is kept
 * where the opener's FIN would be: an opener that has sent FIN has acknowledged one. */
static __always_inline void take_second_answer(struct __sk_buff *skb, enum direction direction,
					       const struct packet *pkt, struct tcp_track *track)
{
	struct tcp_window *answerer = &track->window[direction];
	struct tcp_window *opener = &track->window[!direction];
	__u32 window = answerer->max_window, other = opener->mark;
	__u8 scales[2] = {track->scale[0], track->scale[1]};

	if ((track->attempt_flags & ATTEMPT_TWICE) && opener->fin_end != pkt->tcp.sequence)
		other = opener->fin_end;
	start_from_attempt(!direction, track);
	take_answer(skb, direction, pkt, track);
	opener->fin_end = other;
	track->attempt_flags |= ATTEMPT_TWICE;
	if (window > answerer->max_window)
		answerer->max_window = window;
	track->scale[0] = larger_scale(track->scale[0], scales[0]);
	track->scale[1] = larger_scale(track->scale[1], scales[1]);
}

/* Of two answers the opener acknowledges the one that is not in the windows. */
static __always_inline void choose_answer(enum direction direction, const struct packet *pkt,
					  int from_opener, struct tcp_track *track)
{
	struct tcp_window *opener = &track->window[direction];

	if (track->state != STATE_SYN_RECEIVED || !from_opener || track->fin[direction] ||
	    !(track->attempt_flags & ATTEMPT_TWICE) ||
	    (pkt->tcp.flags & (TCP_ACK | TCP_RST)) != TCP_ACK ||
	    pkt->tcp.acknowledgment != opener->fin_end + 1)
		return;
	track->window[!direction].end = pkt->tcp.acknowledgment;
	opener->mark = opener->fin_end;
	track->attempt_flags &= ~ATTEMPT_TWICE;
	track->changed |= CHANGED_ALL | CHANGED_ATTEMPT;
}

/* The answer to a SYN that is not the session's: it starts the session anew, whatever state that is
 * in, because who answers so knows no other connection. */
static __always_inline void start_another(struct __sk_buff *skb, enum direction direction,
					  const struct packet *pkt, int from_opener,
					  struct tcp_track *track)
{
	if (answers_rival(direction, pkt, track)) {
		start_from_rival(skb, direction, pkt, track);
		return;
	}
	if (has_answered(direction, from_opener, track)) {
		take_second_answer(skb, direction, pkt, track);
		return;
	}
	if (track->state == STATE_SYN_SENT)
		attempt_from_start(!direction, track);
	else
		start_from_attempt(!direction, track);
	take_answer(skb, direction, pkt, track);
}

/* A connection that was withdrawn or refused before the other side had spoken has no windows. */
static __always_inline int was_never_answered(const struct tcp_track *track)
{
	return track->state == STATE_CLOSED && !(track->flags & SESSION_PICKED_UP) &&
	       (!track->window[0].max_window || !track->window[1].max_window);
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

/* Is this the sender's initial number? It is kept if no later SYN has taken its place; else it is
 * known as long as the other side has acknowledged no more. */
static __always_inline int is_initial_number(enum direction direction, __u32 sequence,
					     const struct tcp_track *track)
{
	if (is_attempt(track, direction, ATTEMPT_DONE))
		return sequence == track->attempt.sequence;
	if (is_attempt(track, !direction, ATTEMPT_DONE))
		return sequence == track->attempt.answer;
	return track->window[!direction].mark - sequence <= 1;
}

/* SYN and ACK of a side that has asked, with the number that it has asked with: it answers a SYN
 * that it believes to be the other side's, both opening at once. The other side resets that, if it
 * has sent no such SYN (RFC 9293, 3.10.7.4): see belongs_to_attempt(). */
static __always_inline int is_askers_answer(enum direction direction, const struct packet *pkt,
					    int from_opener, const struct tcp_track *track)
{
	return is_noted_syn(direction, pkt, track) ||
	       (from_opener && repeats_answered(direction, pkt, track));
}

/* SYN and ACK that starts nothing anew: a repetition, which has the sender's initial number, or the
 * answer to another SYN than the one that waits for an answer. That passes like in SYN-SENT: see
 * answer_syn(). */
static __always_inline int judge_late_syn_ack(struct __sk_buff *skb, enum direction direction,
					      const struct packet *pkt, int from_opener,
					      struct tcp_track *track)
{
	const struct tcp_window *sender = &track->window[direction];

	if (is_answer_again(direction, pkt, from_opener, track) &&
	    acknowledges_attempt(direction, pkt, track))
		return take_repeated_answer(skb, direction, pkt, track);
	if (is_attempt(track, !direction, ATTEMPT_OPEN) ||
	    is_askers_answer(direction, pkt, from_opener, track))
		return REASON_ESTABLISHED;
	if ((track->flags & SESSION_PICKED_UP) || was_never_answered(track))
		return REASON_TCP_STATE;
	if (!is_initial_number(direction, pkt->tcp.sequence, track) ||
	    !is_in_window(sender, &track->window[!direction], &pkt->tcp))
		return REASON_TCP_STATE;
	return REASON_ESTABLISHED;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* Does the reset lie at exactly the number that the peer expects? That is the peer's mark, or, if
 * it has not acknowledged all yet, the sender's end. The end of a connection that was picked up is
 * not believed: its window is so wide that a forged segment could set it. */
static __always_inline int is_exact_reset(enum direction direction, const struct packet *pkt,
					  int fits, const struct tcp_track *track)
{
	if (pkt->tcp.sequence == track->window[!direction].mark)
		return 1;
	return fits && !(track->flags & SESSION_PICKED_UP) &&
	       pkt->tcp.sequence == track->window[direction].end;
}

/* A reset ends the session only at exactly the number the peer expects; elsewhere the peer answers
 * by a challenge ACK (RFC 5961, 3), and so the segment may pass. `fits`: it is in the window. */
static __always_inline int take_reset(enum direction direction, const struct packet *pkt, int fits,
				      struct tcp_track *track)
{
	if (track->state != STATE_CLOSED && is_exact_reset(direction, pkt, fits, track))
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
	       seq_after(track->window[direction].mark, track->window[!direction].fin_end);
}

/* Somebody asks anew, and the other side knows neither that nor the session, but another
 * connection: it answers by an empty ACK, which makes the one who asks reset that (RFC 9293,
 * 3.5.1). Or the one who asks has answered a SYN that the other side has not sent, and that resets
 * the answer. All of these pass and change nothing, and a reset lies at whatever number it answers.
 */
static __always_inline int belongs_to_attempt(enum direction direction, const struct packet *pkt,
					      const struct tcp_track *track)
{
	if (pkt->tcp.flags & TCP_RST)
		return track->attempt_flags & ATTEMPT_OPEN;
	return is_attempt(track, !direction, ATTEMPT_OPEN) && !(pkt->tcp.flags & TCP_FIN) &&
	       pkt->transport_length == pkt->tcp_header;
}

/* A segment without SYN, of a session whose handshake has been answered. */
static __always_inline int judge_synchronized(enum direction direction, const struct packet *pkt,
					      int strict, int from_opener, struct tcp_track *track)
{
	struct tcp_window *sender = &track->window[direction];
	struct tcp_window *receiver = &track->window[!direction];
	__u32 answer;
	int fits, finishes;

	/* Every segment carries ACK, a reset may not. */
	if (!(pkt->tcp.flags & (TCP_ACK | TCP_RST)))
		return REASON_TCP_STATE;
	/* Nobody is there for the latest SYN. */
	if ((pkt->tcp.flags & TCP_RST) && acknowledges_attempt(direction, pkt, track)) {
		close_track(track);
		return REASON_ESTABLISHED;
	}
	choose_answer(direction, pkt, from_opener, track);
	if (was_never_answered(track))
		return belongs_to_attempt(direction, pkt, track) ? REASON_ESTABLISHED
								 : REASON_TCP_STATE;
	fits = is_in_window(sender, receiver, &pkt->tcp);
	if (!fits && enforces_windows(track->flags, strict))
		return belongs_to_attempt(direction, pkt, track) ? REASON_ESTABLISHED
								 : REASON_GUARD_TCP_WINDOW;
	if (pkt->tcp.flags & TCP_RST)
		return take_reset(direction, pkt, fits, track);
	finishes = track->state == STATE_SYN_RECEIVED && from_opener &&
		   seq_after(pkt->tcp.acknowledgment, sender->mark);
	answer = sender->mark; /* if it finishes the handshake */
	if (!fits) { /* and is not enforced: it ends the handshake, and is believed in nothing */
		if (finishes)
			establish_track(direction, answer, track);
		return REASON_ESTABLISHED;
	}
	move_windows(sender, receiver, &pkt->tcp, track->scale[direction]);
	if (track->state == STATE_CLOSED) {
		if (outlives_reset(direction, pkt, track))
			track->state = STATE_TCP_ESTABLISHED;
		return REASON_ESTABLISHED;
	}
	take_fin(direction, pkt, track);
	if (finishes)
		establish_track(direction, answer, track);
	return REASON_ESTABLISHED;
}

/* Judges a segment of a known session, of which no other begins: REASON_ESTABLISHED with *track
 * moved on, or why not. */
static __always_inline int judge_tcp(struct __sk_buff *skb, enum direction direction,
				     const struct packet *pkt, int strict, int from_opener,
				     struct tcp_track *track)
{
	/* SYN goes with neither; stacks differ in what they make of it. */
	if ((pkt->tcp.flags & TCP_SYN) && (pkt->tcp.flags & (TCP_FIN | TCP_RST)))
		return REASON_TCP_STATE;
	if (track->state == STATE_SYN_SENT)
		return judge_syn_sent(skb, direction, pkt, from_opener, track);
	if (!(pkt->tcp.flags & TCP_SYN))
		return judge_synchronized(direction, pkt, strict, from_opener, track);
	if (pkt->tcp.flags & TCP_ACK)
		return judge_late_syn_ack(skb, direction, pkt, from_opener, track);
	return REASON_ESTABLISHED; /* in a handshake, one that is_known_syn() */
}

#endif

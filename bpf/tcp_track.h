/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * tcp_track.h - what is known of a TCP connection, in a copy of the session's TCP part: the caller
 * writes it back, so that a refused segment and a dry run change nothing. The latest SYN, the FINs
 * and the state that follows from them.
 */
#ifndef VMSEG_BPF_TCP_TRACK_H
#define VMSEG_BPF_TCP_TRACK_H

#include "bpf/tcp_window.h"

#define SCALE_MAX              14 /* RFC 7323, 2.3 */
#define TCP_OPTION_END         0
#define TCP_OPTION_NOP         1
#define TCP_OPTION_SCALE       3
#define TCP_OPTION_SCALE_BYTES 3
#define TCP_OPTIONS_MAX        20 /* walked for the window scale; SYNs carry about five */
#define TCP_FIXED_HEADER       20

/* Bits of tcp_track.changed: what is to be written back beside windows and FINs. */
#define CHANGED_ALL     (1U << 0) /* windows and FINs of both sides, flags, scales */
#define CHANGED_START   (1U << 1) /* the session has started anew: with CHANGED_ALL */
#define CHANGED_ATTEMPT (1U << 2) /* the latest SYN */
#define CHANGED_SCALE   (1U << 3)

/* The part of a session that a segment can change; fields as in struct session. */
struct tcp_track {
	struct tcp_window window[2];
	struct tcp_attempt attempt;
	__u8 attempt_scale;
	__u8 attempt_flags;
	__u8 scale[2];
	__u8 fin[2];
	__u8 state; /* after the handshake: see state_by_fins() */
	__u8 flags;
	__u32 changed; /* CHANGED_* */
};

/* The window scale option of the SYN in scratch packet `which`, or SCALE_UNKNOWN. A global
 * function: the verifier walks the options once, not on each of the paths that lead here. */
__noinline int read_scale(struct __sk_buff *skb, __u32 which)
{
	struct packet *pkt = bpf_map_lookup_elem(&scratch_map, &which);
	__u32 offset, end;
	__u8 *option;

	if (!pkt)
		return SCALE_UNKNOWN;
	offset = pkt->transport + TCP_FIXED_HEADER;
	end = pkt->transport + pkt->tcp_header;
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		if (offset + TCP_OPTION_SCALE_BYTES > end)
			break;
		option = header_at(skb, offset, TCP_OPTION_SCALE_BYTES);
		if (!option || option[0] == TCP_OPTION_END)
			break;
		if (option[0] == TCP_OPTION_NOP) {
			offset++;
			continue;
		}
		if (option[0] == TCP_OPTION_SCALE && option[1] == TCP_OPTION_SCALE_BYTES)
			return option[2] > SCALE_MAX ? SCALE_MAX : option[2];
		if (option[1] < 2)
			break;
		offset += option[1];
	}
	return SCALE_UNKNOWN;
}

static __always_inline __u8 attempt_by(enum direction direction)
{
	return direction == DIRECTION_OUT ? ATTEMPT_OUT : 0;
}

/* Is what `flags` says of the attempt true, and is it of that direction? */
static __always_inline int is_attempt(const struct tcp_track *track, enum direction direction,
				      __u8 flags)
{
	return (track->attempt_flags & (ATTEMPT_OUT | flags)) == (attempt_by(direction) | flags);
}

/* ---- states --------------------------------------------------------------------------------- */

/* Has the sender's FIN been acknowledged by the receiver? */
static __always_inline int is_fin_acked(const struct tcp_window *sender,
					const struct tcp_window *receiver, __u8 fin)
{
	return fin && receiver->mark == sender->fin_end;
}

/* Has the sender sent FIN, as far as is known? Not if the receiver has got more than that: then the
 * FIN was never the sender's. */
static __always_inline int is_fin_sent(const struct tcp_window *sender,
				       const struct tcp_window *receiver, __u8 fin)
{
	return fin && !seq_after(receiver->mark, sender->fin_end);
}

/* The state of a connection after its handshake. */
static __always_inline __u8 state_by_fins(const struct tcp_window window[2], const __u8 fin[2])
{
	int acked = is_fin_acked(&window[0], &window[1], fin[0]) +
		    is_fin_acked(&window[1], &window[0], fin[1]);

	if (!acked)
		return STATE_TCP_ESTABLISHED;
	if (acked == 2)
		return STATE_TIME_WAIT;
	return is_fin_sent(&window[0], &window[1], fin[0]) &&
			       is_fin_sent(&window[1], &window[0], fin[1])
		       ? STATE_CLOSING
		       : STATE_FIN_WAIT;
}

/* Notes a FIN that is neither old nor settled. Where that of a fragment ends is not known: it is
 * left to its repetition, or to the other side's. */
static __always_inline void take_fin(enum direction direction, const struct packet *pkt,
				     struct tcp_track *track)
{
	struct tcp_window *sender = &track->window[direction];
	const struct tcp_window *receiver = &track->window[!direction];

	if (!(pkt->tcp.flags & TCP_FIN) || pkt->fragment ||
	    is_fin_acked(sender, receiver, track->fin[direction]) ||
	    !seq_after(pkt->tcp.end, receiver->mark))
		return;
	sender->fin_end = pkt->tcp.end;
	track->fin[direction] = 1;
}

/* The opener has ended the handshake. Its SYN has done what it was sent for, if that is the latest
 * one: repeated, it is no new attempt. So has the other side's, if both have opened at once.
 * `answer` is the other side's initial number. */
static __always_inline void establish_track(enum direction opener, __u32 answer,
					    struct tcp_track *track)
{
	__u32 acknowledged = track->window[!opener].mark - track->attempt.sequence;

	track->state = STATE_TCP_ESTABLISHED;
	if (is_attempt(track, opener, ATTEMPT_OPEN) && acknowledged <= track->attempt.length + 1U) {
		track->attempt_flags = attempt_by(opener) | ATTEMPT_DONE;
		track->attempt.answer = answer;
		track->changed |= CHANGED_ATTEMPT;
	} else if (is_attempt(track, !opener, ATTEMPT_OPEN) && track->attempt.sequence == answer) {
		track->attempt_flags = 0;
		track->changed |= CHANGED_ATTEMPT;
	} else if (track->attempt_flags & ATTEMPT_TWICE) {
		track->attempt_flags &= ~ATTEMPT_TWICE;
		track->changed |= CHANGED_ATTEMPT;
	}
}

/* Of a session that nobody has answered the side that asked stays. What the sides have sent so far
 * is kept: see outlives_reset(). */
static __always_inline void close_track(struct tcp_track *track)
{
	const struct tcp_window silent = {};

	if (track->state == STATE_SYN_SENT)
		track->window[track->flags & SESSION_OPENED_OUT ? DIRECTION_IN : DIRECTION_OUT] =
			silent;
	track->window[0].fin_end = track->window[0].end;
	track->window[1].fin_end = track->window[1].end;
	track->fin[0] = 0;
	track->fin[1] = 0;
	track->attempt_flags = 0;
	track->state = STATE_CLOSED;
	track->changed |= CHANGED_ALL | CHANGED_ATTEMPT;
}

#endif

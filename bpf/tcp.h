/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * tcp.h - the TCP state machine with window tracking (RFC 9293; the window inequalities are those
 * of G. van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", 2001; resets as RFC 5961
 * asks). It judges a segment against a copy of the session's TCP part; the caller writes the copy
 * back, so that a refused segment and a dry run change nothing.
 */
#ifndef VMSEG_BPF_TCP_H
#define VMSEG_BPF_TCP_H

#include "bpf/parse.h"
#include "bpf/settings.h"

#define SCALE_MAX              14 /* RFC 7323, 2.3 */
#define TCP_OPTION_END         0
#define TCP_OPTION_NOP         1
#define TCP_OPTION_SCALE       3
#define TCP_OPTION_SCALE_BYTES 3
#define TCP_OPTIONS_MAX        20 /* walked for the window scale; SYNs carry about five */
#define TCP_FIXED_HEADER       20

/* An acknowledgment may be this old at least, even where the sender's window was small. */
#define STALE_ACK_BYTES 66000

/* Bytes: see latitude(). */
#define LATITUDE_MAX (1U << 20)

/* The part of a session that a segment can change. */
struct tcp_track {
	__u8 state;
	__u8 flags;
	__u8 scale[2];
	struct tcp_window window[2];
};

/* Sequence number arithmetic, RFC 9293, 3.4. */
static __always_inline int seq_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static __always_inline int seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

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

static __always_inline __u8 fin_flag(enum direction direction)
{
	return direction == DIRECTION_OUT ? SESSION_FIN_OUT : SESSION_FIN_IN;
}

static __always_inline __u8 fin_acked_flag(enum direction direction)
{
	return direction == DIRECTION_OUT ? SESSION_FIN_OUT_ACKED : SESSION_FIN_IN_ACKED;
}

/* The sender's side as its SYN sets it up. */
static __always_inline void start_side(struct __sk_buff *skb, const struct packet *pkt,
				       struct tcp_window *side, __u8 *scale)
{
	side->end = pkt->tcp.end;
	side->max_end = side->end;
	side->max_window = pkt->tcp.window ? pkt->tcp.window : 1;
	side->mark = pkt->tcp.sequence;
	*scale = read_scale(skb, pkt->scratch);
}

/* Scaling holds only if both SYNs carried the option (RFC 7323, 2.2). */
static __always_inline void agree_scale(struct tcp_track *track)
{
	if (track->scale[0] == SCALE_UNKNOWN || track->scale[1] == SCALE_UNKNOWN) {
		track->scale[0] = 0;
		track->scale[1] = 0;
	}
}

/* A TCP track for a session's first packet. Mid-stream, nothing is known of the windows; where
 * both sides are in their streams is, so that the end of the connection will be seen. */
static __always_inline void start_tcp(struct __sk_buff *skb, enum direction direction,
				      const struct packet *pkt, struct tcp_track *track)
{
	if (track->flags & SESSION_PICKED_UP) {
		track->state = STATE_TCP_ESTABLISHED;
		track->window[direction].end = pkt->tcp.end;
		track->window[direction].mark = pkt->tcp.acknowledgment;
		track->window[!direction].end = pkt->tcp.acknowledgment;
		/* What the peer has acknowledged so far is most likely what comes next. */
		track->window[!direction].mark = pkt->tcp.sequence;
		if (pkt->tcp.flags & TCP_FIN) {
			track->flags |= fin_flag(direction);
			track->state = STATE_FIN_WAIT;
		}
		return;
	}
	track->state = STATE_SYN_SENT;
	start_side(skb, pkt, &track->window[direction], &track->scale[direction]);
}

/* How much later than what is known here an upper bound may be. Two CPUs that handle segments of
 * one direction at once can lose one of their updates, and without atomic maxima (5.12) nothing
 * short of a lock, for 40 ns a packet, would keep them from it. What is lost is no more than the
 * few segments on their way through, nor than the window that they have to fit into. */
static __always_inline __u32 latitude(const struct tcp_window *of)
{
	return of->max_window < LATITUDE_MAX ? of->max_window : LATITUDE_MAX;
}

/* The four inequalities: data not beyond what the peer allows nor older than it keeps, and the
 * acknowledgment neither of data never sent nor too old. */
static __always_inline int is_in_window(const struct tcp_window *sender,
					const struct tcp_window *receiver,
					const struct segment *segment)
{
	__u32 stale;

	if (seq_after(segment->sequence, sender->max_end + latitude(receiver)) ||
	    seq_before(segment->end, sender->end - receiver->max_window))
		return 0;
	if (!(segment->flags & TCP_ACK))
		return 1;
	stale = sender->max_window > STALE_ACK_BYTES ? sender->max_window : STALE_ACK_BYTES;
	return !seq_after(segment->acknowledgment, receiver->end + latitude(sender)) &&
	       !seq_before(segment->acknowledgment, receiver->end - stale);
}

/* Windows are not known of a connection that was picked up, and are looked at only where `strict`:
 * GUARD_TCP_WINDOW of the port. */
static __always_inline int fits_windows(__u8 flags, int strict, const struct tcp_window *sender,
					const struct tcp_window *receiver,
					const struct segment *segment)
{
	return (flags & SESSION_PICKED_UP) || !strict || is_in_window(sender, receiver, segment);
}

/* Sequence numbers only go up. Compared with what is there now, not with what was read before the
 * segment was judged: another CPU may have brought it further with a later segment. */
static __always_inline void raise_sequence(__u32 *number, __u32 value)
{
	if (seq_after(value, *(volatile __u32 *)number))
		*number = value;
}

static __always_inline void move_windows(struct tcp_window *sender, struct tcp_window *receiver,
					 const struct segment *segment, __u8 scale)
{
	__u32 window = segment->window;

	if (!(segment->flags & TCP_SYN))
		window <<= scale & 15;
	if (window > sender->max_window)
		sender->max_window = window;
	raise_sequence(&sender->end, segment->reach);
	if (!(segment->flags & TCP_ACK))
		return;
	raise_sequence(&receiver->max_end, segment->acknowledgment + (window ? window : 1));
	raise_sequence(&sender->mark, segment->acknowledgment);
}

/* Does the segment acknowledge the peer's SYN, and nothing that was never sent? */
static __always_inline int acknowledges_syn(const struct tcp_window *peer, const struct packet *pkt)
{
	return (pkt->tcp.flags & TCP_ACK) && seq_after(pkt->tcp.acknowledgment, peer->mark) &&
	       !seq_after(pkt->tcp.acknowledgment, peer->end);
}

/* The answer to a SYN, from the side that did not open. */
static __always_inline int answer_syn(struct __sk_buff *skb, enum direction direction,
				      const struct packet *pkt, struct tcp_track *track)
{
	struct tcp_window *sender = &track->window[direction];
	struct tcp_window *receiver = &track->window[!direction];

	if ((pkt->tcp.flags & TCP_ACK) && !acknowledges_syn(receiver, pkt))
		return REASON_TCP_STATE;
	start_side(skb, pkt, sender, &track->scale[direction]);
	agree_scale(track);
	/* The opener's SYN said how much it takes, from the first byte on; that is before scaling.
	 */
	sender->max_end = pkt->tcp.sequence + 1 + receiver->max_window;
	/* From here on marks are acknowledgments: each in the other's sequence space. */
	sender->mark = receiver->mark;
	receiver->mark = pkt->tcp.sequence;
	if (pkt->tcp.flags & TCP_ACK) {
		sender->mark = pkt->tcp.acknowledgment;
		if (seq_after(pkt->tcp.acknowledgment + sender->max_window, receiver->max_end))
			receiver->max_end = pkt->tcp.acknowledgment + sender->max_window;
	}
	track->state = STATE_SYN_RECEIVED;
	return REASON_ESTABLISHED;
}

/* An opener may withdraw what nobody has answered; and it resets the old connection that the peer
 * still knows, which has other numbers (RFC 9293, 3.5.1), so these pass and end nothing here. */
static __always_inline int take_openers_reset(const struct packet *pkt,
					      const struct tcp_window *opener,
					      struct tcp_track *track)
{
	if (pkt->tcp.sequence - opener->mark <= opener->end - opener->mark)
		track->state = STATE_CLOSED;
	return REASON_ESTABLISHED;
}

static __always_inline int judge_syn_sent(struct __sk_buff *skb, enum direction direction,
					  const struct packet *pkt, int from_opener,
					  struct tcp_track *track)
{
	__u8 kind = pkt->tcp.flags & (TCP_SYN | TCP_RST | TCP_FIN | TCP_ACK);

	if (from_opener) {
		/* A retransmission, or a new attempt from the same port. */
		if (kind == TCP_SYN) {
			start_side(skb, pkt, &track->window[direction], &track->scale[direction]);
			return REASON_ESTABLISHED;
		}
		return kind & TCP_RST ? take_openers_reset(pkt, &track->window[direction], track)
				      : REASON_TCP_STATE;
	}
	if (kind == TCP_SYN || kind == (TCP_SYN | TCP_ACK))
		return answer_syn(skb, direction, pkt, track);
	if (kind & TCP_RST) {
		if (!acknowledges_syn(&track->window[!direction], pkt))
			return REASON_TCP_STATE;
		track->state = STATE_CLOSED;
		return REASON_ESTABLISHED;
	}
	/* A peer that still knows an old connection answers by an empty ACK, which makes the
	 * opener reset it (RFC 9293, 3.5.1). */
	if (kind == TCP_ACK && pkt->transport_length == pkt->tcp_header)
		return REASON_ESTABLISHED;
	return REASON_TCP_STATE;
}

/* SYN in a synchronized connection. A host that has lost its state starts anew from the same port:
 * the peer answers by a challenge ACK and all ends well (RFC 5961, 4), so the opener's is let
 * through and changes nothing here. Retransmitted SYN+ACKs are let through too. */
static __always_inline int judge_late_syn(enum direction direction, const struct packet *pkt,
					  int from_opener, struct tcp_track *track)
{
	const struct tcp_window *sender = &track->window[direction];

	if (!(pkt->tcp.flags & TCP_ACK))
		return from_opener || (track->state == STATE_SYN_RECEIVED &&
				       !seq_after(pkt->tcp.sequence, sender->end))
			       ? REASON_ESTABLISHED
			       : REASON_TCP_STATE;
	if (track->flags & SESSION_PICKED_UP)
		return REASON_TCP_STATE;
	if (seq_after(pkt->tcp.sequence, sender->end) ||
	    !is_in_window(sender, &track->window[!direction], &pkt->tcp))
		return REASON_TCP_WINDOW;
	/* Simultaneous open: the opener's SYN+ACK ends the handshake. */
	if (track->state == STATE_SYN_RECEIVED && from_opener)
		track->state = STATE_TCP_ESTABLISHED;
	return REASON_ESTABLISHED;
}

/* A reset ends the session only at exactly the number the peer expects; elsewhere in the window
 * the peer answers by a challenge ACK (RFC 5961, 3), and so the segment may pass. */
static __always_inline void take_reset(enum direction direction, const struct packet *pkt,
				       struct tcp_track *track)
{
	if (pkt->tcp.sequence == track->window[direction].end ||
	    pkt->tcp.sequence == track->window[!direction].mark)
		track->state = STATE_CLOSED;
}

static __always_inline void advance_close(enum direction direction, const struct packet *pkt,
					  struct tcp_track *track)
{
	const __u8 fins = SESSION_FIN_IN | SESSION_FIN_OUT;
	const __u8 acked = SESSION_FIN_IN_ACKED | SESSION_FIN_OUT_ACKED;

	if (pkt->tcp.flags & TCP_FIN)
		track->flags |= fin_flag(direction);
	if ((pkt->tcp.flags & TCP_ACK) && (track->flags & fin_flag(!direction)) &&
	    pkt->tcp.acknowledgment == track->window[!direction].end)
		track->flags |= fin_acked_flag(!direction);
	if (track->state == STATE_SYN_RECEIVED)
		return;
	if ((track->flags & fins) == fins)
		track->state = (track->flags & acked) == acked ? STATE_TIME_WAIT : STATE_CLOSING;
	else if (track->flags & fins)
		track->state = STATE_FIN_WAIT;
}

/* Judges a segment of a known session: REASON_ESTABLISHED with *track moved on, or why not. */
static __always_inline int judge_tcp(struct __sk_buff *skb, enum direction direction,
				     const struct packet *pkt, int strict, struct tcp_track *track)
{
	int from_opener = (direction == DIRECTION_OUT) == !!(track->flags & SESSION_OPENED_OUT);

	/* SYN goes with neither; stacks differ in what they make of it. */
	if ((pkt->tcp.flags & TCP_SYN) && (pkt->tcp.flags & (TCP_FIN | TCP_RST)))
		return REASON_TCP_STATE;
	if (track->state == STATE_SYN_SENT)
		return judge_syn_sent(skb, direction, pkt, from_opener, track);
	if (pkt->tcp.flags & TCP_SYN)
		return judge_late_syn(direction, pkt, from_opener, track);
	/* Every other segment of a synchronized connection carries ACK, a reset may not. */
	if (!(pkt->tcp.flags & (TCP_ACK | TCP_RST)))
		return REASON_TCP_STATE;
	if (!fits_windows(track->flags, strict, &track->window[direction],
			  &track->window[!direction], &pkt->tcp))
		return REASON_TCP_WINDOW;
	if (pkt->tcp.flags & TCP_RST) {
		take_reset(direction, pkt, track);
		return REASON_ESTABLISHED;
	}
	if (track->state == STATE_CLOSED)
		return REASON_ESTABLISHED;
	move_windows(&track->window[direction], &track->window[!direction], &pkt->tcp,
		     track->scale[direction]);
	if (track->state == STATE_SYN_RECEIVED && from_opener)
		track->state = STATE_TCP_ESTABLISHED;
	advance_close(direction, pkt, track);
	return REASON_ESTABLISHED;
}

#endif

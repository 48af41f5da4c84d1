/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * tcp_window.h - where a segment of a known TCP connection may lie (after G. van Rooij, "Real
 * Stateful TCP Packet Filtering in IP Filter", 2001, and RFC 5961).
 *
 * Who can send a forged segment, or a damaged one that its receiver throws away, speaks for one
 * side only. So what a side may send is bounded by what the *other* side has said: how far it has
 * acknowledged (mark), and the largest window that it has offered. No segment of a side moves a
 * bound that its own later segments have to keep. Lower bounds hang on acknowledgments only, which
 * count as far as the other side has sent.
 */
#ifndef VMSEG_BPF_TCP_WINDOW_H
#define VMSEG_BPF_TCP_WINDOW_H

#include "bpf/parse_packet.h"

/* An acknowledgment may be this old at least, even where the sender's window was small. */
#define STALE_ACK_BYTES 66000

/* How far apart, in bytes, two sides may be who speak of the same place in a stream: more than is
 * in flight between them, and little of the sequence space, which a forger has to guess in. The
 * least window, too, of a connection that was picked up. */
#define PICKUP_DISTANCE (1U << 24)

/* Bytes: see latitude(). */
#define LATITUDE_MAX (1U << 20)

/* Sequence number arithmetic, RFC 9293, 3.4. */
static __always_inline int seq_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static __always_inline int seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/* How much later than what is known here an upper bound may be. Two CPUs that handle segments of
 * one direction at once can lose one of their updates, and without atomic maxima (5.12) nothing
 * short of a lock, for 40 ns a packet, would keep them from it. What is lost is no more than the
 * few segments on their way through, nor than the window that they have to fit into. */
static __always_inline __u32 latitude(const struct tcp_window *of)
{
	return of->max_window < LATITUDE_MAX ? of->max_window : LATITUDE_MAX;
}

/* May the segment lie where it does? Data may not begin beyond what the receiver allows, and the
 * acknowledgment may neither be of what was never sent nor too old (RFC 5961, 5.2). Old data has no
 * bound of its own: of what was acknowledged already, and is sent again because the
 * acknowledgment was lost, the receiver makes nothing but another acknowledgment. A segment without
 * an acknowledgment is a reset, which has to be near. */
static __always_inline int is_in_window(const struct tcp_window *sender,
					const struct tcp_window *receiver,
					const struct segment *segment)
{
	__u32 stale;

	if (seq_after(segment->sequence,
		      receiver->mark + receiver->max_window + latitude(receiver)))
		return 0;
	if (!(segment->flags & TCP_ACK))
		return !seq_before(segment->sequence, receiver->mark - receiver->max_window);
	stale = sender->max_window > STALE_ACK_BYTES ? sender->max_window : STALE_ACK_BYTES;
	return !seq_after(segment->acknowledgment, receiver->end + latitude(sender)) &&
	       !seq_before(segment->acknowledgment, sender->mark - stale);
}

/* Is a segment outside the window dropped? Only where `strict` (GUARD_TCP_WINDOW of the port), and
 * not of a connection that was picked up, whose windows are estimates. Where it passes, it changes
 * nothing. */
static __always_inline int enforces_windows(__u8 flags, int strict)
{
	return strict && !(flags & SESSION_PICKED_UP);
}

/* Sequence numbers only go up. Compared with what is there now, not with what was read before the
 * segment was judged: another CPU may have brought it further with a later segment. */
static __always_inline void raise_sequence(__u32 *number, __u32 value)
{
	if (seq_after(value, *(volatile __u32 *)number))
		*number = value;
}

/* What a segment that lies right says of its sender. */
static __always_inline void move_windows(struct tcp_window *sender,
					 const struct tcp_window *receiver,
					 const struct segment *segment, __u8 scale)
{
	__u32 window = segment->window, acknowledged = segment->acknowledgment;

	if (!(segment->flags & TCP_SYN))
		window <<= scale & 15;
	if (window > sender->max_window)
		sender->max_window = window;
	raise_sequence(&sender->end, segment->reach);
	if (!(segment->flags & TCP_ACK))
		return;
	/* No further than what is known to have been sent: this is what old ones are told by. */
	if (seq_after(acknowledged, receiver->end))
		acknowledged = receiver->end;
	raise_sequence(&sender->mark, acknowledged);
}

#endif

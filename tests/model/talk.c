// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decisions where the standards leave the observer alone:
 *
 * - Of a segment's data only the start has to be inside the window. A zero-window probe starts at
 *   the very end (RFC 9293, 3.8.6.1), and what lies beyond the window the receiver cuts off.
 * - A window of 0 counts as 1, for the same probes.
 * - The receiver's RCV.NXT is not seen, only guessed: its highest acknowledgment, or the sender's
 *   end. Before it has acknowledged anything: where the sender began.
 * - The opener may reset what nobody has answered yet: its reset passes, whatever its number (of an
 *   old connection, RFC 9293, 3.5.1), and ends the attempt if it is of this one.
 * - The opener's first acceptable acknowledgment ends the handshake; how far it reaches is not
 * asked.
 * - Once one side has sent FIN, nothing of its is taken for data that it sends after that: the FIN
 *   is acknowledged when all is that it has sent.
 * - A connection that was reset stands still: what arrives late passes if it is inside the windows.
 * - While the handshake is unfinished the other side may repeat its SYN (both open at once), and
 *   SYN+ACKs may come late from either side.
 */
#include "tests/model/talk.h"

#define OLDEST_ACK 66000     /* bpf/tcp.h: an acknowledgment may be this old at least */
#define LATITUDE   (1 << 20) /* bpf/tcp.h: a bound may be this late at most */

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint32_t highest(uint32_t a, uint32_t b)
{
	/* Half of the space apart, neither is higher: then it stays. */
	return (int32_t)(b - a) > 0 ? b : a;
}

static bool has(const struct reading *segment, uint8_t flag)
{
	return segment->flags & flag;
}

/* Number behind the segment. */
static uint32_t end_of(const struct reading *segment)
{
	return segment->sequence + (uint32_t)segment->payload + has(segment, SYN) +
	       has(segment, FIN);
}

/* The same, but a first fragment does not say how much data is to come: the most that an IP packet
 * can carry. */
static uint32_t furthest_end_of(const struct reading *segment)
{
	return segment->part == PART_FIRST ? segment->sequence + 65535 : end_of(segment);
}

/* ---- beginning ----------------------------------------------------------------------------------
 */

static void start_speaker(struct speaker *speaker, const struct reading *syn)
{
	*speaker = (struct speaker){
		.spoke = true,
		.first = syn->sequence,
		.end = end_of(syn),
		.limit = end_of(syn),
		.window = syn->window ? syn->window : 1,
		.scale = read_window_scale(syn),
	};
}

void open_talk(struct talk *talk, enum direction opener, enum direction sender,
	       const struct reading *segment)
{
	struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];

	*talk = (struct talk){.state = STATE_SYN_SENT, .opener = opener};
	if (has(segment, SYN)) {
		start_speaker(speaker, segment);
		return;
	}
	talk->picked_up = true;
	talk->state = STATE_TCP_ESTABLISHED;
	*speaker = (struct speaker){.spoke = true,
				    .first = segment->sequence,
				    .end = end_of(segment),
				    .has_acked = true,
				    .acked = segment->acknowledgment};
	*listener = (struct speaker){.spoke = true,
				     .first = segment->acknowledgment,
				     .end = segment->acknowledgment,
				     .has_acked = true,
				     .acked = segment->sequence};
	if (has(segment, FIN)) {
		speaker->finished = true;
		talk->state = STATE_FIN_WAIT;
	}
}

/* ---- windows ------------------------------------------------------------------------------------
 */

static uint32_t offered(const struct speaker *speaker, const struct reading *segment)
{
	/* RFC 7323, 2.2: never scaled in a SYN. */
	return has(segment, SYN) || speaker->scale < 0
		       ? segment->window
		       : (uint32_t)segment->window << speaker->scale;
}

/* What is known of a bound may be late, by a window of whoever sets it. */
static uint32_t latitude(const struct speaker *of)
{
	return of->window < LATITUDE ? of->window : LATITUDE;
}

static bool is_in_window(const struct speaker *speaker, const struct speaker *listener,
			 const struct reading *segment)
{
	uint32_t oldest = speaker->window > OLDEST_ACK ? speaker->window : OLDEST_ACK;

	if (before(speaker->limit + latitude(listener), segment->sequence))
		return false;
	if (before(end_of(segment), speaker->end - listener->window))
		return false;
	if (!has(segment, ACK))
		return true;
	return !before(listener->end + latitude(speaker), segment->acknowledgment) &&
	       !before(segment->acknowledgment, listener->end - oldest);
}

static void take_acknowledgment(struct speaker *speaker, struct speaker *listener,
				const struct reading *segment)
{
	uint32_t ack = segment->acknowledgment, window = offered(speaker, segment);

	listener->limit = highest(listener->limit, ack + (window ? window : 1));
	speaker->acked = speaker->has_acked ? highest(speaker->acked, ack) : ack;
	speaker->has_acked = true;
	if (listener->finished && ack == listener->end)
		listener->fin_acked = true;
}

static void move_on(struct speaker *speaker, struct speaker *listener,
		    const struct reading *segment)
{
	uint32_t window = offered(speaker, segment);

	speaker->end = highest(speaker->end, furthest_end_of(segment));
	if (window > speaker->window)
		speaker->window = window;
	if (has(segment, ACK))
		take_acknowledgment(speaker, listener, segment);
}

/* ---- the handshake ------------------------------------------------------------------------------
 */

static bool acknowledges_syn(const struct speaker *opener, const struct reading *segment)
{
	return has(segment, ACK) && before(opener->first, segment->acknowledgment) &&
	       !before(opener->end, segment->acknowledgment);
}

/* Both SYNs are there: scaling holds if both carry the option. */
static void agree(struct talk *talk)
{
	struct speaker *a = &talk->side[0], *b = &talk->side[1];

	if (a->scale < 0 || b->scale < 0)
		a->scale = b->scale = -1;
}

static int take_answer(struct talk *talk, enum direction sender, const struct reading *segment)
{
	struct speaker *answerer = &talk->side[sender], *opener = &talk->side[!sender];

	start_speaker(answerer, segment);
	answerer->limit = answerer->first + 1 + opener->window;
	/* So much at least each will acknowledge. */
	opener->acked = answerer->first;
	answerer->acked = opener->first;
	opener->has_acked = answerer->has_acked = true;
	if (has(segment, ACK))
		take_acknowledgment(answerer, opener, segment);
	agree(talk);
	talk->state = STATE_SYN_RECEIVED;
	return REASON_ESTABLISHED;
}

static int follow_answerer(struct talk *talk, enum direction sender, const struct reading *segment)
{
	bool acknowledges = acknowledges_syn(&talk->side[!sender], segment);

	if (has(segment, RST)) {
		if (!acknowledges)
			return REASON_TCP_STATE;
		talk->state = STATE_CLOSED;
		return REASON_ESTABLISHED;
	}
	if (has(segment, FIN))
		return REASON_TCP_STATE;
	if (has(segment, SYN))
		return has(segment, ACK) && !acknowledges ? REASON_TCP_STATE
							  : take_answer(talk, sender, segment);
	/* An old connection is still known there: a bare ACK, which the opener will reset (RFC
	 * 9293, 3.5.1). */
	return has(segment, ACK) && !segment->payload ? REASON_ESTABLISHED : REASON_TCP_STATE;
}

static int follow_syn_sent(struct talk *talk, enum direction sender, const struct reading *segment)
{
	if (sender != talk->opener)
		return follow_answerer(talk, sender, segment);
	if (has(segment, RST)) {
		if (!before(segment->sequence, talk->side[sender].first) &&
		    !before(talk->side[sender].end, segment->sequence))
			talk->state = STATE_CLOSED;
		return REASON_ESTABLISHED;
	}
	if (!has(segment, SYN) || has(segment, ACK))
		return REASON_TCP_STATE;
	start_speaker(&talk->side[sender], segment);
	return REASON_ESTABLISHED;
}

/* ---- once both SYNs have been seen --------------------------------------------------------------
 */

static int follow_late_syn(struct talk *talk, enum direction sender, const struct reading *segment)
{
	struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];
	bool opening = talk->state == STATE_SYN_RECEIVED;
	bool repeated = !before(speaker->end, segment->sequence);

	if (!has(segment, ACK))
		return sender == talk->opener || (opening && repeated) ? REASON_ESTABLISHED
								       : REASON_TCP_STATE;
	if (talk->picked_up)
		return REASON_TCP_STATE;
	if (!repeated || !is_in_window(speaker, listener, segment))
		return REASON_TCP_WINDOW;
	if (opening && sender == talk->opener)
		talk->state = STATE_TCP_ESTABLISHED;
	return REASON_ESTABLISHED;
}

/* Exactly what the listener expects next, as far as anybody here knows (RFC 5961, 3). */
static bool is_exact(const struct speaker *speaker, const struct speaker *listener,
		     const struct reading *reset)
{
	return reset->sequence == speaker->end ||
	       (listener->has_acked && reset->sequence == listener->acked);
}

static void advance(struct talk *talk, enum direction sender, const struct reading *segment)
{
	struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];

	if (talk->state == STATE_SYN_RECEIVED && sender == talk->opener)
		talk->state = STATE_TCP_ESTABLISHED;
	if (has(segment, FIN))
		speaker->finished = true;
	if (talk->state == STATE_SYN_RECEIVED)
		return;
	if (speaker->fin_acked && listener->fin_acked)
		talk->state = STATE_TIME_WAIT;
	else if (speaker->finished && listener->finished)
		talk->state = STATE_CLOSING;
	else if (speaker->finished || listener->finished)
		talk->state = STATE_FIN_WAIT;
}

static int follow_synchronized(struct talk *talk, enum direction sender,
			       const struct reading *segment, bool liberal)
{
	struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];
	bool exact = is_exact(speaker, listener, segment);

	if (has(segment, SYN))
		return follow_late_syn(talk, sender, segment);
	if (!has(segment, RST) && !has(segment, ACK))
		return REASON_TCP_STATE;
	if (!talk->picked_up && !liberal && !is_in_window(speaker, listener, segment))
		return REASON_TCP_WINDOW;
	if (has(segment, RST)) {
		if (exact)
			talk->state = STATE_CLOSED;
		return REASON_ESTABLISHED;
	}
	if (talk->state == STATE_CLOSED)
		return REASON_ESTABLISHED;
	move_on(speaker, listener, segment);
	advance(talk, sender, segment);
	return REASON_ESTABLISHED;
}

int follow_talk(struct talk *talk, enum direction sender, const struct reading *segment,
		bool liberal)
{
	struct talk next = *talk;
	int reason;

	/* SYN goes with neither, and no reset finishes. */
	if (has(segment, SYN) && (has(segment, FIN) || has(segment, RST)))
		return REASON_TCP_STATE;
	if (talk->state == STATE_SYN_SENT)
		reason = follow_syn_sent(&next, sender, segment);
	else
		reason = follow_synchronized(&next, sender, segment, liberal);
	if (reason == REASON_ESTABLISHED)
		*talk = next;
	return reason;
}

bool is_under_way(const struct talk *talk, enum direction sender, uint32_t sequence)
{
	const struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];
	uint32_t oldest = listener->has_acked ? listener->acked : speaker->first;

	if (talk->picked_up)
		return true;
	return speaker->spoke && !before(sequence, oldest) && !before(speaker->end, sequence);
}

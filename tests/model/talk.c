// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Decisions where the standards leave the observer alone:
 *
 * - Of a segment's data only the start has to be inside the window. A zero-window probe starts at
 *   the very end (RFC 9293, 3.8.6.1), and what lies beyond the window the receiver cuts off.
 * - The window is the largest that was ever offered, from the highest acknowledgment on. One of 0
 * in a SYN counts as 1, for the same probes.
 * - Data may be as old as it likes, if it comes with an acknowledgment that may be: the receiver
 *   acknowledges it once more, and that may be what its sender lacks.
 * - An acknowledgment counts as far as the other side has sent.
 * - The receiver's RCV.NXT is not seen, only guessed: its highest acknowledgment, or the sender's
 *   end. Before it has acknowledged anything: where the sender began.
 * - A SYN in a connection that is under way or over passes and is remembered. Only the answer that
 *   acknowledges it, SYN and ACK, starts anew; a reset that acknowledges it ends all. The policy is
 *   asked about it, and about the answer. If the connection is over, the limits are asked as well;
 *   the limit on handshakes is asked again when the answer begins one.
 * - A SYN that the connection began with, sent again, is no other attempt. In the handshake it
 *   passes; after it the policy is asked as about any other, because the receiver may have
 * forgotten the connection and begin another. An answer that starts nothing anew is a repetition
 * only if it has its sender's initial number: that of the handshake, or what follows from an
 * acknowledgment of nothing more.
 * - While nobody has answered, the opener's first SYN and its latest may both be answered, and so
 *   may the other side's, which is in nobody's way. If the opener answers that one with a number
 *   that it has asked with, both have opened at once; with another number, somebody else had asked
 *   in its name, and it is the other side that opens: if the policy lets it.
 * - In the handshake an answer that acknowledges the SYN starts the answerer's side anew if it has
 *   another number. The opener has taken the first that arrived, which is not seen: so the first
 *   and the latest number count until the opener acknowledges one of them, with the larger of what
 *   both offered.
 * - Of two SYNs that wait for an answer, one of each side, the opener's is remembered. The other
 *   side's takes its place when it comes a second time: the opener's may have been forged. If the
 *   opener answers the other side's with the number that it has asked with, both open at once: the
 *   other side is the opener then, its number is what was acknowledged, and of its window and scale
 *   the largest count. The SYN that is remembered may still be answered, until the handshake ends.
 * - A peer that holds a connection of another SYN answers by what fits neither the talk nor the
 *   latest SYN: an empty ACK, or SYN and ACK. Who has asked answers that by a reset, which frees
 *   the peer (RFC 9293, 3.10.7.3). While a SYN waits for an answer all of these pass and change
 *   nothing.
 * - Who asks may believe a forged SYN to be the other side's, and answers that by SYN and ACK, with
 *   the number that it has asked with. The other side resets the answer, at the number that it
 *   acknowledges. While a SYN waits, and in the handshake, both pass and change nothing.
 * - The opener may reset what nobody has answered yet: its reset passes, whatever its number (of an
 *   old connection, RFC 9293, 3.5.1), and ends the attempt if it is of this one. After that, and
 *   after a refusal, only a new SYN passes.
 * - The opener's first acceptable acknowledgment of the answerer's SYN ends the handshake.
 * - A FIN counts when it is acknowledged, and not any more when more than it is. The latest one
 *   counts, until it is acknowledged. A FIN in a fragment is not looked at: where it is, is not
 *   known.
 * - A connection that was reset goes on if what was sent after the reset is acknowledged; what it
 *   had finished is forgotten.
 * - A SYN refreshes only what has not been answered.
 * - Of a connection that is picked up, scales are 14 and windows 2^24 bytes at least. What lies
 *   outside passes, as it does where windows are not enforced, and is believed in nothing: but for
 *   the end of a handshake, and for a reset at the listener's acknowledgment. Of what is picked up,
 *   resets elsewhere are not believed at all.
 * - What nobody has confirmed keeps its state when a SYN comes, like anything else.
 */
#include "tests/model/talk.h"

#define OLDEST_ACK 66000     /* bpf/tcp_window.h: an acknowledgment may be this old at least */
#define LATITUDE   (1 << 20) /* bpf/tcp_window.h: a bound may be this late at most */
#define DISTANCE                                                                                   \
	(1 << 24) /* bpf/tcp_window.h: between two sides of a connection that is picked up */

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* Not the same as before() the other way round: half of the space apart, neither is higher. */
static bool beyond(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static uint32_t highest(uint32_t a, uint32_t b)
{
	return beyond(b, a) ? b : a;
}

static int larger(int a, int b)
{
	return a > b ? a : b;
}

static bool has(const struct reading *segment, uint8_t flag)
{
	return segment->flags & flag;
}

static bool is_exactly(const struct reading *segment, uint8_t flags)
{
	return (segment->flags & (SYN | ACK | FIN | RST)) == flags;
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

/* ---- the latest SYN ------------------------------------------------------------------------- */

static void remember_syn(struct talk *talk, enum direction sender, const struct reading *syn)
{
	struct asking *asking = &talk->asking, now = {
						       .open = true,
						       .by = sender,
						       .first = syn->sequence,
						       .data = (uint16_t)syn->payload,
						       .window = syn->window,
						       .scale = read_window_scale(syn),
					       };

	/* The same again: whichever arrives, so much was offered. */
	if (asking->open && asking->by == sender && asking->first == now.first) {
		now.data = (uint16_t)larger(now.data, asking->data);
		now.window = (uint16_t)larger(now.window, asking->window);
		now.scale = larger(now.scale, asking->scale);
	} else {
		talk->answered_twice = false; /* another SYN, which nobody has answered */
	}
	*asking = now;
}

/* One SYN is remembered: see above which. */
static void hear_syn(struct talk *talk, enum direction sender, const struct reading *syn)
{
	struct asking *asking = &talk->asking;

	if (sender != talk->opener && asking->open && asking->by == talk->opener &&
	    !asking->rivalled)
		asking->rivalled = true;
	else
		remember_syn(talk, sender, syn);
}

/* Is the segment an answer to it, by its acknowledgment? */
static bool acknowledges_asking(const struct talk *talk, enum direction sender,
				const struct reading *segment)
{
	const struct asking *asking = &talk->asking;
	uint32_t taken = segment->acknowledgment - asking->first;

	return asking->open && asking->by != sender && has(segment, ACK) && taken >= 1 &&
	       taken <= 1U + asking->data;
}

/* ---- beginning ------------------------------------------------------------------------------ */

static void start_speaker(struct speaker *speaker, const struct reading *syn)
{
	*speaker = (struct speaker){
		.spoke = true,
		.first = syn->sequence,
		.end = end_of(syn),
		.window = syn->window ? syn->window : 1,
		.scale = read_window_scale(syn),
	};
}

/* The side that sent the latest SYN begins with that. */
static void start_from_asking(struct talk *talk)
{
	const struct asking *asking = &talk->asking;

	talk->side[asking->by] = (struct speaker){
		.spoke = true,
		.first = asking->first,
		.end = asking->first + 1 + asking->data,
		.window = asking->window ? asking->window : 1,
		.scale = asking->scale,
	};
}

/* It is the first SYN that counts, and a later one is forgotten. */
static void ask_from_start(struct talk *talk, enum direction by)
{
	const struct speaker *speaker = &talk->side[by];

	talk->asking = (struct asking){
		.open = true,
		.by = by,
		.first = speaker->first,
		.data = (uint16_t)(speaker->end - speaker->first - 1),
		.window = (uint16_t)speaker->window,
		.scale = speaker->scale,
	};
}

static void finish(struct speaker *speaker, const struct speaker *listener,
		   const struct reading *segment);

/* What one segment from the middle of a connection says of both sides. */
static void pick_up_talk(struct talk *talk, enum direction sender, const struct reading *segment)
{
	struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];

	talk->picked_up = true;
	talk->state = STATE_TCP_UNCONFIRMED;
	talk->first = sender;
	*speaker = (struct speaker){.spoke = true,
				    .first = segment->sequence,
				    .end = end_of(segment),
				    .window = (uint32_t)larger(segment->window << 14, DISTANCE),
				    .scale = 14,
				    .has_acked = true,
				    .acked = segment->acknowledgment};
	*listener = (struct speaker){.spoke = true,
				     .first = segment->acknowledgment,
				     .end = segment->acknowledgment,
				     .window = DISTANCE,
				     .scale = 14,
				     .has_acked = true,
				     .acked = segment->sequence};
	finish(speaker, listener, segment);
}

void open_talk(struct talk *talk, enum direction opener, enum direction sender,
	       const struct reading *segment)
{
	*talk = (struct talk){.state = STATE_SYN_SENT, .opener = opener};
	if (has(segment, SYN)) {
		start_speaker(&talk->side[sender], segment);
		ask_from_start(talk, sender);
		return;
	}
	pick_up_talk(talk, sender, segment);
}

/* ---- windows -------------------------------------------------------------------------------- */

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
	uint32_t limit = listener->acked + listener->window;

	if (beyond(segment->sequence, limit + latitude(listener)))
		return false;
	if (!has(segment, ACK))
		return !before(segment->sequence, listener->acked - listener->window);
	return !beyond(segment->acknowledgment, listener->end + latitude(speaker)) &&
	       !before(segment->acknowledgment, speaker->acked - oldest);
}

static void take_acknowledgment(struct speaker *speaker, const struct speaker *listener,
				uint32_t number)
{
	if (beyond(number, listener->end))
		number = listener->end;
	speaker->acked = highest(speaker->acked, number);
}

static void move_on(struct speaker *speaker, const struct speaker *listener,
		    const struct reading *segment)
{
	uint32_t window = offered(speaker, segment);

	speaker->end = highest(speaker->end, furthest_end_of(segment));
	if (window > speaker->window)
		speaker->window = window;
	if (has(segment, ACK))
		take_acknowledgment(speaker, listener, segment->acknowledgment);
}

/* ---- the end -------------------------------------------------------------------------------- */

static bool is_finish_acked(const struct speaker *speaker, const struct speaker *listener)
{
	return speaker->finished && listener->acked == speaker->fin;
}

static bool is_finish_refuted(const struct speaker *speaker, const struct speaker *listener)
{
	return speaker->finished && beyond(listener->acked, speaker->fin);
}

static void finish(struct speaker *speaker, const struct speaker *listener,
		   const struct reading *segment)
{
	if (!has(segment, FIN) || segment->part == PART_FIRST ||
	    is_finish_acked(speaker, listener) || !beyond(end_of(segment), listener->acked))
		return;
	speaker->finished = true;
	speaker->fin = end_of(segment);
}

/* Where a connection is by its FINs. */
static enum session_state find_state(const struct talk *talk)
{
	const struct speaker *a = &talk->side[0], *b = &talk->side[1];
	bool a_acked = is_finish_acked(a, b), b_acked = is_finish_acked(b, a);

	if (a_acked && b_acked)
		return STATE_TIME_WAIT;
	if (!a_acked && !b_acked)
		return STATE_TCP_ESTABLISHED;
	return a->finished && b->finished && !is_finish_refuted(a, b) && !is_finish_refuted(b, a)
		       ? STATE_CLOSING
		       : STATE_FIN_WAIT;
}

static void reset(struct talk *talk)
{
	if (talk->state == STATE_SYN_SENT) /* a SYN that nobody has acknowledged is none */
		talk->side[!talk->opener] = (struct speaker){0};
	talk->state = STATE_CLOSED;
	talk->answered_twice = false;
	talk->asking = (struct asking){0};
	for (int i = 0; i < 2; i++) {
		talk->sent_at_reset[i] = talk->side[i].end;
		talk->side[i].finished = false;
	}
}

/* ---- the handshake -------------------------------------------------------------------------- */

static bool acknowledges_first(const struct speaker *opener, const struct reading *segment)
{
	return has(segment, ACK) && before(opener->first, segment->acknowledgment) &&
	       !beyond(segment->acknowledgment, opener->end);
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
	/* So much at least each will acknowledge. */
	opener->acked = answerer->first;
	answerer->acked = segment->acknowledgment;
	opener->has_acked = answerer->has_acked = true;
	opener->finished = false;
	agree(talk);
	talk->picked_up = false;
	talk->answered_twice = false;
	talk->opener = !sender;
	talk->state = STATE_SYN_RECEIVED;
	talk->started = true;
	return REASON_ESTABLISHED;
}

static int start_anew(struct talk *talk, enum direction sender, const struct reading *answer)
{
	start_from_asking(talk);
	return take_answer(talk, sender, answer);
}

/* Another answer to the SYN that has been answered already: the first number stays possible. */
static int answer_twice(struct talk *talk, enum direction sender, const struct reading *answer)
{
	const struct talk old = *talk;
	uint32_t other = old.side[sender].first;

	if (old.answered_twice && old.other_answer != answer->sequence)
		other = old.other_answer;
	start_anew(talk, sender, answer);
	talk->answered_twice = true;
	talk->other_answer = other;
	if (old.side[sender].window > talk->side[sender].window)
		talk->side[sender].window = old.side[sender].window;
	for (int i = 0; i < 2; i++)
		talk->side[i].scale = larger(old.side[i].scale, talk->side[i].scale);
	return REASON_ESTABLISHED;
}

/* The opener acknowledges one of two answers. */
static void choose_answer(struct talk *talk, enum direction sender, const struct reading *segment)
{
	if (talk->state != STATE_SYN_RECEIVED || sender != talk->opener || !talk->answered_twice ||
	    talk->side[sender].finished || !has(segment, ACK) || has(segment, RST) ||
	    segment->acknowledgment != talk->other_answer + 1)
		return;
	talk->side[!sender].first = talk->other_answer;
	talk->side[!sender].end = talk->other_answer + 1;
	talk->side[sender].acked = talk->other_answer;
	talk->answered_twice = false;
}

static int answer_syn(struct talk *talk, enum direction sender, const struct reading *segment)
{
	if (acknowledges_first(&talk->side[!sender], segment)) {
		ask_from_start(talk, !sender);
		return take_answer(talk, sender, segment);
	}
	if (!acknowledges_asking(talk, sender, segment))
		return REASON_ESTABLISHED; /* and will be reset */
	return start_anew(talk, sender, segment);
}

static int follow_answerer(struct talk *talk, enum direction sender, const struct reading *segment)
{
	if (has(segment, RST)) {
		if (!acknowledges_first(&talk->side[!sender], segment) &&
		    !acknowledges_asking(talk, sender, segment))
			return talk->side[sender].spoke ? REASON_ESTABLISHED : REASON_TCP_STATE;
		reset(talk);
		return REASON_ESTABLISHED;
	}
	if (has(segment, FIN))
		return REASON_TCP_STATE;
	if (has(segment, SYN) && has(segment, ACK))
		return answer_syn(talk, sender, segment);
	if (has(segment, SYN)) {
		start_speaker(&talk->side[sender], segment);
		return REASON_ESTABLISHED;
	}
	/* An old connection is still known there: a bare ACK, which the opener will reset (RFC
	 * 9293, 3.5.1). */
	return has(segment, ACK) && !segment->payload ? REASON_ESTABLISHED : REASON_TCP_STATE;
}

static int repeat_syn(struct talk *talk, enum direction sender, const struct reading *segment)
{
	struct speaker *speaker = &talk->side[sender];

	if (segment->sequence != speaker->first) {
		remember_syn(talk, sender, segment);
		return REASON_ESTABLISHED;
	}
	speaker->end = highest(speaker->end, end_of(segment));
	speaker->window = (uint32_t)larger((int)speaker->window, segment->window);
	speaker->scale = larger(speaker->scale, read_window_scale(segment));
	return REASON_ESTABLISHED;
}

static void establish(struct talk *talk, uint32_t answer);

/* Is it a number that it has asked with? */
static bool has_asked_with(const struct talk *talk, uint32_t number)
{
	const struct asking *asking = &talk->asking;

	return number == talk->side[talk->opener].first ||
	       (asking->open && asking->by == talk->opener && asking->first == number);
}

/* The opener's answer to the other side's SYN. */
static int answer_other(struct talk *talk, enum direction sender, const struct reading *segment)
{
	struct speaker *opener = &talk->side[sender], *other = &talk->side[!sender];
	uint32_t answer = other->first;

	if (!other->spoke)
		return REASON_TCP_STATE;
	if (!acknowledges_first(other, segment))
		return REASON_ESTABLISHED; /* and will be reset */
	if (!has_asked_with(talk, segment->sequence)) {
		ask_from_start(talk, !sender);
		return take_answer(talk, sender, segment);
	}
	if (segment->sequence != opener->first)
		start_from_asking(talk);
	else
		ask_from_start(talk, sender);
	agree(talk);
	opener->acked = segment->acknowledgment;
	other->acked = opener->first;
	opener->has_acked = other->has_acked = true;
	establish(talk, answer);
	return REASON_ESTABLISHED;
}

static int follow_syn_sent(struct talk *talk, enum direction sender, const struct reading *segment)
{
	if (sender != talk->opener)
		return follow_answerer(talk, sender, segment);
	if (has(segment, RST)) {
		if (!before(segment->sequence, talk->side[sender].first) &&
		    !before(talk->side[sender].end, segment->sequence))
			reset(talk);
		return REASON_ESTABLISHED;
	}
	if (is_exactly(segment, SYN | ACK))
		return answer_other(talk, sender, segment);
	return is_exactly(segment, SYN) ? repeat_syn(talk, sender, segment) : REASON_TCP_STATE;
}

/* ---- once both SYNs have been seen ---------------------------------------------------------- */

/* `answer`: the number that the answerer began with. */
static void establish(struct talk *talk, uint32_t answer)
{
	struct asking *asking = &talk->asking;
	uint32_t taken = talk->side[!talk->opener].acked - asking->first;

	talk->state = STATE_TCP_ESTABLISHED;
	talk->answered_twice = false;
	/* A later SYN, of another attempt, may still be answered. */
	if (asking->open && asking->by == talk->opener && taken <= 1U + asking->data) {
		asking->open = false;
		asking->settled = true;
		asking->answer = answer;
	} else if (asking->open && asking->by != talk->opener && asking->first == answer) {
		*asking = (struct asking){0}; /* both have opened at once */
	}
}

static bool is_over(const struct talk *talk)
{
	return talk->state == STATE_TIME_WAIT || talk->state == STATE_CLOSED;
}

/* A SYN of a connection's beginning, late or lost behind us: the opener's that was answered; the
 * answerer's, of which the opener has acknowledged no more than that. */
static bool is_of_beginning(const struct talk *talk, enum direction sender,
			    const struct reading *syn)
{
	const struct asking *asking = &talk->asking;
	uint32_t acked = talk->side[!sender].acked;

	if (is_over(talk))
		return false;
	if (asking->settled && asking->by == sender && asking->first == syn->sequence)
		return true;
	/* Nor does it take the place of a later one. */
	if (sender == talk->opener)
		return talk->state == STATE_SYN_RECEIVED && !is_known_asking(talk, sender, syn) &&
		       acked == syn->sequence + 1;
	return (talk->state == STATE_SYN_RECEIVED || talk->state == STATE_TCP_ESTABLISHED) &&
	       (acked == syn->sequence || acked == syn->sequence + 1);
}

/* In a handshake: has the sender answered the latest SYN already? */
static bool has_answered(const struct talk *talk, enum direction sender)
{
	uint32_t taken = talk->side[sender].acked - talk->asking.first;

	return talk->state == STATE_SYN_RECEIVED && sender != talk->opener && taken >= 1 &&
	       taken <= 1U + talk->asking.data;
}

/* The same answer once more. */
static bool is_answer_again(const struct talk *talk, enum direction sender,
			    const struct reading *segment)
{
	return has_answered(talk, sender) && segment->sequence == talk->side[!sender].acked;
}

/* Who has asked answers the other side, which has asked since: both open at once. */
static bool answers_rival(const struct talk *talk, enum direction sender,
			  const struct reading *segment)
{
	const struct asking *asking = &talk->asking;

	return asking->open && asking->rivalled && asking->by == sender &&
	       asking->first == segment->sequence;
}

static int start_from_rival(struct talk *talk, enum direction sender, const struct reading *answer)
{
	talk->asking.rivalled = false;
	talk->side[!sender] = (struct speaker){
		.spoke = true,
		.first = answer->acknowledgment - 1,
		.end = answer->acknowledgment,
		.window = UINT16_MAX,
		.scale = 14,
	};
	return take_answer(talk, sender, answer);
}

bool begins_another(const struct talk *talk, enum direction sender, const struct reading *segment,
		    enum direction *ret_opener)
{
	bool asked = talk->state == STATE_SYN_SENT;

	if (is_exactly(segment, SYN)) {
		*ret_opener = sender;
		return !asked && (talk->state != STATE_SYN_RECEIVED ||
				  !is_of_beginning(talk, sender, segment));
	}
	*ret_opener = !sender;
	if (!is_exactly(segment, SYN | ACK))
		return false;
	if (asked)
		return sender == talk->opener && talk->side[!sender].spoke &&
		       acknowledges_first(&talk->side[!sender], segment) &&
		       !has_asked_with(talk, segment->sequence);
	return answers_rival(talk, sender, segment) ||
	       (acknowledges_asking(talk, sender, segment) &&
		!is_answer_again(talk, sender, segment));
}

bool is_known_asking(const struct talk *talk, enum direction sender, const struct reading *syn)
{
	const struct asking *asking = &talk->asking;

	return asking->open && asking->by == sender && asking->first == syn->sequence;
}

static int follow_late_syn(struct talk *talk, enum direction sender, const struct reading *segment)
{
	if (!is_of_beginning(talk, sender, segment))
		hear_syn(talk, sender, segment);
	return REASON_ESTABLISHED;
}

static bool was_never_answered(const struct talk *talk)
{
	return talk->state == STATE_CLOSED && (!talk->side[0].spoke || !talk->side[1].spoke);
}

/* Did the sender begin with this number? Without a record of it: has the other side acknowledged
 * nothing beyond it? */
static bool has_begun_with(const struct talk *talk, enum direction sender, uint32_t number)
{
	const struct asking *asking = &talk->asking;
	uint32_t acked = talk->side[!sender].acked;

	if (asking->settled)
		return number == (asking->by == sender ? asking->first : asking->answer);
	return acked == number || acked == number + 1;
}

static int follow_late_answer(struct talk *talk, enum direction sender,
			      const struct reading *segment)
{
	struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];
	int scale = read_window_scale(segment);

	if (answers_rival(talk, sender, segment))
		return start_from_rival(talk, sender, segment);
	if (acknowledges_asking(talk, sender, segment)) {
		if (!has_answered(talk, sender))
			return start_anew(talk, sender, segment);
		if (!is_answer_again(talk, sender, segment))
			return answer_twice(talk, sender, segment);
		if (scale >= 0 && talk->asking.scale >= 0) {
			speaker->scale = scale;
			listener->scale = talk->asking.scale;
		}
		return REASON_ESTABLISHED;
	}
	if (talk->asking.open && talk->asking.by != sender)
		return REASON_ESTABLISHED; /* and will be reset */
	if (is_known_asking(talk, sender, segment) ||
	    (sender == talk->opener && talk->state == STATE_SYN_RECEIVED &&
	     is_of_beginning(talk, sender, segment)))
		return REASON_ESTABLISHED; /* likewise */
	if (talk->picked_up || was_never_answered(talk))
		return REASON_TCP_STATE;
	if (!has_begun_with(talk, sender, segment->sequence) ||
	    !is_in_window(speaker, listener, segment))
		return REASON_TCP_STATE;
	return REASON_ESTABLISHED;
}

/* Exactly what the listener expects next, as far as anybody here knows (RFC 5961, 3). */
static bool is_exact(const struct talk *talk, enum direction sender, bool fits,
		     const struct reading *segment)
{
	return segment->sequence == talk->side[!sender].acked ||
	       (fits && !talk->picked_up && segment->sequence == talk->side[sender].end);
}

/* Somebody asks anew, and the other side still knows a third connection: it says so by an empty
 * ACK, which the one who asks resets (RFC 9293, 3.5.1). Or it resets an answer to what it has not
 * asked. */
static bool is_of_asking(const struct talk *talk, enum direction sender,
			 const struct reading *segment)
{
	const struct asking *asking = &talk->asking;

	if (!asking->open)
		return false;
	if (has(segment, RST))
		return true;
	return asking->by != sender && !has(segment, FIN) && !segment->payload;
}

static int follow_synchronized(struct talk *talk, enum direction sender,
			       const struct reading *segment, bool liberal)
{
	struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];
	uint32_t answer;
	bool fits, finishes;

	if (!has(segment, RST) && !has(segment, ACK))
		return REASON_TCP_STATE;
	choose_answer(talk, sender, segment);
	finishes = talk->state == STATE_SYN_RECEIVED && sender == talk->opener &&
		   beyond(segment->acknowledgment, speaker->acked);
	/* Nobody is there for the latest SYN. */
	if (has(segment, RST) && acknowledges_asking(talk, sender, segment)) {
		reset(talk);
		return REASON_ESTABLISHED;
	}
	if (was_never_answered(talk))
		return is_of_asking(talk, sender, segment) ? REASON_ESTABLISHED : REASON_TCP_STATE;
	fits = is_in_window(speaker, listener, segment);
	if (!talk->picked_up && !liberal && !fits)
		return is_of_asking(talk, sender, segment) ? REASON_ESTABLISHED
							   : REASON_GUARD_TCP_WINDOW;
	if (has(segment, RST)) {
		if (talk->state != STATE_CLOSED && is_exact(talk, sender, fits, segment))
			reset(talk);
		return REASON_ESTABLISHED;
	}
	answer = speaker->acked; /* where the handshake is finished */
	if (!fits) {
		if (finishes)
			establish(talk, answer);
		return REASON_ESTABLISHED;
	}
	move_on(speaker, listener, segment);
	if (talk->state == STATE_CLOSED) {
		if (beyond(speaker->acked, talk->sent_at_reset[!sender]))
			talk->state = STATE_TCP_ESTABLISHED;
		return REASON_ESTABLISHED;
	}
	finish(speaker, listener, segment);
	if (finishes)
		establish(talk, answer);
	return REASON_ESTABLISHED;
}

static int follow_answered(struct talk *talk, enum direction sender, const struct reading *segment,
			   bool liberal)
{
	if (!has(segment, SYN))
		return follow_synchronized(talk, sender, segment, liberal);
	if (has(segment, ACK))
		return follow_late_answer(talk, sender, segment);
	return follow_late_syn(talk, sender, segment);
}

/* ---- picked up ------------------------------------------------------------------------------ */

bool is_unconfirmed(const struct talk *talk)
{
	return talk->state == STATE_TCP_UNCONFIRMED;
}

/* Do two sides mean the same place of a stream, data in flight between them aside? */
static bool is_close(uint32_t a, uint32_t b)
{
	return !before(a + DISTANCE, b) && !before(b + DISTANCE, a);
}

/* Until the other side has answered about the same places in both streams, only the latest word
 * counts. */
static int follow_unconfirmed(struct talk *talk, enum direction sender,
			      const struct reading *segment, bool liberal)
{
	const struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];

	if (has(segment, SYN))
		return follow_answered(talk, sender, segment, liberal);
	if (has(segment, RST)) /* see resets_unconfirmed() */
		return REASON_ESTABLISHED;
	if (!has(segment, ACK))
		return REASON_TCP_STATE;
	if (sender == talk->first || !is_close(segment->sequence, speaker->end) ||
	    !is_close(segment->acknowledgment, listener->end)) {
		pick_up_talk(talk, sender, segment);
		return REASON_ESTABLISHED;
	}
	talk->state = STATE_TCP_ESTABLISHED;
	return follow_answered(talk, sender, segment, liberal);
}

bool resets_unconfirmed(const struct talk *talk, enum direction sender,
			const struct reading *segment)
{
	return is_unconfirmed(talk) && has(segment, RST) && !has(segment, SYN) &&
	       (segment->sequence == talk->side[sender].end ||
		acknowledges_asking(talk, sender, segment));
}

bool is_older_than_syn(const struct talk *talk, enum direction sender,
		       const struct reading *segment)
{
	if (talk->state != STATE_SYN_SENT || !has(segment, ACK) || has(segment, SYN) ||
	    has(segment, RST))
		return false;
	return sender == talk->opener || (!acknowledges_first(&talk->side[!sender], segment) &&
					  !acknowledges_asking(talk, sender, segment));
}

void pick_up_instead(struct talk *talk, enum direction opener, enum direction sender,
		     const struct reading *segment)
{
	talk->opener = opener;
	pick_up_talk(talk, sender, segment);
}

int follow_talk(struct talk *talk, enum direction sender, const struct reading *segment,
		bool liberal, bool *ret_anew)
{
	struct talk next = *talk;
	int reason;

	next.started = false;
	/* SYN goes with neither, and no reset finishes. */
	if (has(segment, SYN) && (has(segment, FIN) || has(segment, RST)))
		return REASON_TCP_STATE;
	if (talk->state == STATE_SYN_SENT)
		reason = follow_syn_sent(&next, sender, segment);
	else if (is_unconfirmed(talk))
		reason = follow_unconfirmed(&next, sender, segment, liberal);
	else
		reason = follow_answered(&next, sender, segment, liberal);
	if (reason != REASON_ESTABLISHED)
		return reason;
	if (next.state != STATE_SYN_SENT && next.state != STATE_SYN_RECEIVED &&
	    next.state != STATE_CLOSED && !is_unconfirmed(&next))
		next.state = find_state(&next);
	*talk = next;
	*ret_anew = next.started;
	return REASON_ESTABLISHED;
}

bool is_under_way(const struct talk *talk, enum direction sender, uint32_t sequence)
{
	const struct speaker *speaker = &talk->side[sender], *listener = &talk->side[!sender];
	uint32_t oldest = listener->has_acked ? listener->acked : speaker->first;

	if (talk->picked_up)
		return true;
	if (talk->asking.open && talk->asking.by == sender &&
	    sequence - talk->asking.first <= 1U + talk->asking.data)
		return true;
	return speaker->spoke && !before(sequence, oldest) && !before(speaker->end, sequence);
}

// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stacks/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stacks/forge.h"

#define HELD_TICKS 3
#define WAIT_MAX   12
/* How far from its initial number an honest segment may be. */
#define STREAM_BYTES (1U << 24)
/* How often one acknowledgment passes. Two stacks that each hold the other's segments for wrong (a
 * forger has come between them) answer each other for ever; they are not to use up the machine. */
#define SAME_MAX 100

static uint64_t mix(uint64_t a, uint64_t b)
{
	struct random random = {.state = a ^ b * 0x9e3779b97f4a7c15ULL};

	return random_word(&random);
}

/* ---- delivery ------------------------------------------------------------------------------- */

static void trace(const struct wire *wire, enum side from, const char *what,
		  const struct frame *frame)
{
	static const char letters[] = "FSRPAUEC";
	struct segment_view view;
	char flags[9];
	int count = 0;

	if (!wire->trace)
		return;
	if (!view_segment(frame, &view)) {
		printf("# %u %s %s %-8s fragment of %u bytes\n", wire->run, wire->name,
		       from == LEFT ? "->" : "<-", what, frame->length);
		return;
	}
	for (int i = 0; i < 8; i++) {
		if (view.flags & 1 << i)
			flags[count++] = letters[i];
	}
	flags[count] = 0;
	printf("# %u %s %s %-8s %s seq %u:%u ack %u win %u scale %d absolute %u %u\n", wire->run,
	       wire->name, from == LEFT ? "->" : "<-", what, flags,
	       view.sequence - wire->side[from].first,
	       view.sequence - wire->side[from].first + view.bytes,
	       view.acknowledgment - wire->side[!from].first, view.window,
	       read_frame_scale(frame, &view), view.sequence, view.acknowledgment);
}

static void deliver(struct wire *wire, enum side from, const char *what, const struct frame *frame)
{
	trace(wire, from, what, frame);
	wire->deliver(wire->context, !from, frame);
}

static void release(struct wire *wire, struct held_frame *held, const char *what)
{
	struct frame *frame = held->frame;

	held->frame = NULL;
	deliver(wire, held->from, what, frame);
	free(frame);
}

/* Without a free place it goes at once. */
static void hold(struct wire *wire, enum side from, const struct frame *frame, unsigned int wait)
{
	for (int i = 0; i < WIRE_HELD_MAX; i++) {
		struct held_frame *held = &wire->held[i];

		if (held->frame)
			continue;
		held->frame = malloc(sizeof(*frame));
		if (!held->frame)
			abort();
		*held->frame = *frame;
		held->from = from;
		held->wait = wait;
		held->age = 0;
		return;
	}
	deliver(wire, from, "at-once", frame);
}

/* Another segment has gone ahead. */
static void count_down(struct wire *wire)
{
	for (int i = 0; i < WIRE_HELD_MAX; i++) {
		struct held_frame *held = &wire->held[i];

		if (held->frame && --held->wait == 0)
			release(wire, held, "late");
	}
}

void tick_wire(struct wire *wire)
{
	for (int i = 0; i < WIRE_HELD_MAX; i++) {
		struct held_frame *held = &wire->held[i];

		if (held->frame && ++held->age >= HELD_TICKS)
			release(wire, held, "late");
	}
}

void empty_wire(struct wire *wire)
{
	for (int i = 0; i < WIRE_HELD_MAX; i++) {
		free(wire->held[i].frame);
		wire->held[i].frame = NULL;
	}
}

void restart_wire(struct wire *wire)
{
	memset(wire->side, 0, sizeof(wire->side));
	memset(wire->seen, 0, sizeof(wire->seen));
	wire->cut = false;
}

/* ---- what the segments say ------------------------------------------------------------------ */

static bool is_later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void learn(struct wire *wire, enum side from, const struct frame *frame,
		  const struct segment_view *view)
{
	struct wire_side *side = &wire->side[from];
	uint32_t end = view->sequence + segment_space(view);

	if (view->flags & SYN) {
		side->spoke = true;
		side->first = view->sequence;
		side->next = end;
		side->scale = read_frame_scale(frame, view);
	}
	if (is_later(end, side->next))
		side->next = end;
	if (view->flags & ACK)
		side->acked = view->acknowledgment;
	side->window = view->window;
	if (!(view->flags & SYN) && side->scale > 0 && wire->side[!from].scale >= 0)
		side->window <<= side->scale;
}

/* A number as it is in each run of the sequence: counted from the initial one, or, far from that,
 * as it stands, because then it comes of a forger, who says the same in each run. */
static uint32_t place_in_stream(const struct wire_side *side, uint32_t number)
{
	uint32_t place = number - side->first;

	return place + STREAM_BYTES < 2 * STREAM_BYTES ? place : number;
}

/* The segment as the ends see it, whatever their initial numbers, and how often it has come. */
static uint64_t identify(struct wire *wire, enum side from, const struct segment_view *view,
			 uint8_t *ret_times)
{
	uint32_t sequence = place_in_stream(&wire->side[from], view->sequence);
	uint32_t acknowledgment = place_in_stream(&wire->side[!from], view->acknowledgment);
	uint64_t identity = mix((uint64_t)sequence << 32 | view->bytes << 8 | view->flags,
				view->bytes ? from : (uint64_t)acknowledgment << 1 | from);
	uint32_t place = (uint32_t)identity % WIRE_SEEN_MAX;

	if (wire->seen[place] != identity)
		wire->times[place] = 0;
	wire->seen[place] = identity;
	if (wire->times[place] < UINT8_MAX)
		wire->times[place]++;
	*ret_times = wire->times[place];
	return mix(identity, wire->times[place]);
}

/* ---- trouble -------------------------------------------------------------------------------- */

/* Segments that nobody honest has sent, in either direction. */
static void add_false(struct wire *wire, struct random *random, enum side from,
		      const struct frame *frame, const struct segment_view *view, bool damaged)
{
	enum side as = one_in(random, 3) ? !from : from;
	struct frame extra;

	if (damaged && as == from && one_in(random, 2))
		extra = alter_segment(random, wire, from, frame, view);
	else
		extra = make_false_segment(random, wire, as, from, frame);
	if (damaged)
		spoil_checksum(&extra);
	deliver(wire, as, damaged ? "damaged" : "forged", &extra);
}

static void send_fragments(struct wire *wire, struct random *random, enum side from,
			   const struct frame *frame, const struct segment_view *view)
{
	uint16_t header = (uint16_t)(view->payload - view->header);
	uint16_t first = (uint16_t)((header + 7) / 8 * 8);
	bool swapped = one_in(random, 4);
	struct frame parts[2];

	first = (uint16_t)(first + random_below(random, (view->bytes - 8) / 8) * 8);
	cut_in_fragments(frame, first, (uint16_t)(0x4000 + wire->datagrams++), parts);
	deliver(wire, from, "fragment", &parts[swapped]);
	deliver(wire, from, "fragment", &parts[!swapped]);
}

static void send_stripped(struct wire *wire, struct random *random, enum side from,
			  const struct frame *frame, const struct segment_view *view)
{
	static const uint8_t kinds[] = {2, 3, 4, 8}; /* MSS, scale, SACK, timestamps */
	struct frame changed = *frame;

	strip_option(&changed, view, kinds[random_below(random, sizeof(kinds))]);
	fill_checksum(&changed);
	deliver(wire, from, "stripped", &changed);
}

static void disturb(struct wire *wire, struct random *random, enum side from,
		    const struct frame *frame, const struct segment_view *view)
{
	struct frame damaged = *frame;
	bool after;

	switch (random_below(random, 16)) {
	case 0:
	case 1:
		trace(wire, from, "dropped", frame);
		return;
	case 2:
		deliver(wire, from, "first", frame);
		deliver(wire, from, "twice", frame);
		return;
	case 3:
		deliver(wire, from, "honest", frame);
		hold(wire, from, frame, 1 + random_below(random, WAIT_MAX));
		return;
	case 4:
	case 5:
		hold(wire, from, frame, 1 + random_below(random, 4));
		return;
	case 6:
		spoil_checksum(&damaged);
		deliver(wire, from, "damaged", &damaged);
		return;
	case 7:
		if (view->bytes < 24)
			break;
		send_fragments(wire, random, from, frame, view);
		return;
	case 8:
		if (!(view->flags & SYN))
			break;
		send_stripped(wire, random, from, frame, view);
		return;
	default:
		break;
	}
	after = one_in(random, 2);
	if (after)
		deliver(wire, from, "honest", frame);
	for (uint32_t i = 1 + random_below(random, 3); i > 0; i--)
		add_false(wire, random, from, frame, view, one_in(random, 2));
	if (!after)
		deliver(wire, from, "honest", frame);
}

void take_segment(struct wire *wire, enum side from, const struct frame *frame,
		  const struct segment_view *view)
{
	struct random random;
	uint8_t times;

	if (wire->cut) {
		trace(wire, from, "cut", frame);
		return;
	}
	learn(wire, from, frame, view);
	trace(wire, from, "sent", frame);
	random.state = mix(wire->seed, identify(wire, from, view, &times));
	if (times > SAME_MAX && view->flags == ACK && !view->bytes)
		return;
	if (wire->budget && random_below(&random, 1000) < wire->rate) {
		wire->budget--;
		disturb(wire, &random, from, frame, view);
	} else {
		deliver(wire, from, "honest", frame);
	}
	count_down(wire);
}

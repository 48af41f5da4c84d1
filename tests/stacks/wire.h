/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The wire between two stacks, for one sequence: what becomes of each segment on its way. What is
 * done to a segment follows from the sequence's seed and from what the segment itself says (counted
 * from the initial sequence numbers), not from when it comes: two runs with one seed see the same
 * trouble as far as their stacks send the same segments.
 *
 * An honest segment may be dropped, sent twice, sent again later, delayed behind others, damaged,
 * cut in IP fragments or lose an option of its SYN. Before or after it others may come that nobody
 * honest has sent: copies with a wrong checksum, and segments with a right one of a third party who
 * does not know the sequence numbers and whom a stack ignores (RFC 9293, RFC 5961).
 */
#ifndef VMSEG_STACKS_WIRE_H
#define VMSEG_STACKS_WIRE_H

#include "tests/harness/random.h"
#include "tests/stacks/frame.h"

#define WIRE_HELD_MAX 8
#define WIRE_SEEN_MAX 128

enum side { LEFT, RIGHT };

/* What the wire knows of one side's stream. */
struct wire_side {
	bool spoke;
	uint32_t first;  /* initial sequence number */
	uint32_t next;   /* highest number sent, plus one */
	uint32_t acked;  /* highest acknowledgment sent */
	uint32_t window; /* bytes, last offered */
	int scale;
};

struct held_frame {
	struct frame *frame; /* NULL: the place is free */
	enum side from;
	unsigned int wait; /* segments that go first */
	unsigned int age;  /* ticks */
};

struct wire {
	uint64_t seed;
	uint32_t rate;   /* segments in a thousand that meet with trouble */
	uint32_t budget; /* how often that may still happen */
	bool cut;        /* nothing passes */
	bool trace;      /* with what follows */
	const char *name;
	uint32_t run;
	struct wire_side side[2];
	struct held_frame held[WIRE_HELD_MAX];
	uint64_t seen[WIRE_SEEN_MAX]; /* identities of segments, 0 for none */
	uint8_t times[WIRE_SEEN_MAX];
	uint16_t datagrams; /* that have been cut in fragments */
	void (*deliver)(void *context, enum side to, const struct frame *frame);
	void *context;
};

/* A segment that the stack on that side has sent; its checksum has been filled in. */
void take_segment(struct wire *wire, enum side from, const struct frame *frame,
		  const struct segment_view *view);

/* Time passes: what has been held back for long goes on its way. */
void tick_wire(struct wire *wire);

/* Throws away what is held back. */
void empty_wire(struct wire *wire);

/* A new connection over the same ports begins. */
void restart_wire(struct wire *wire);

#endif

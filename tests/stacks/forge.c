// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stacks/forge.h"

#define FAR 1000000U

/* What a forger could say, and what the side that he speaks as has really said. */
struct forger {
	struct random *random;
	const struct wire_side *self, *peer;
	const struct frame *like;
	uint32_t edge; /* first number that is not in the peer's window */
};

static struct frame say(const struct forger *f, uint8_t flags, uint32_t sequence,
			uint32_t acknowledgment, uint16_t bytes)
{
	static const uint16_t windows[] = {0, 1, 1000, 65535};
	uint16_t window = windows[random_below(f->random, 4)];

	return forge_segment(f->like, flags, sequence, acknowledgment, window, bytes);
}

static uint32_t beyond(const struct forger *f)
{
	return f->edge + 1 + random_below(f->random, FAR);
}

/* In the window, but not the number that is expected next, now or when what is under way has come.
 */
static uint32_t inside(const struct forger *f)
{
	uint32_t room = f->edge - f->self->next;

	return (int32_t)room < 4 ? beyond(f)
				 : f->self->next + 1 + random_below(f->random, room - 2);
}

static uint32_t any(const struct forger *f)
{
	return (uint32_t)random_word(f->random);
}

static uint16_t some_bytes(const struct forger *f)
{
	return (uint16_t)(1 + random_below(f->random, 500));
}

/* An acknowledgment. To know the right one in a handshake one has to be the server. */
static uint32_t guess(const struct forger *f)
{
	return f->peer->acked ? f->self->acked : any(f);
}

/* Resets and SYNs. */
static struct frame forge_control(const struct forger *f)
{
	uint32_t old = f->peer->acked - 1 - random_below(f->random, 100000);

	switch (random_below(f->random, 8)) {
	case 0:
		return say(f, SYN, any(f), 0, 0);
	case 1:
		return say(f, SYN, inside(f), 0, 0);
	case 2:
		return say(f, SYN | ACK, any(f), guess(f), 0);
	case 3:
		return say(f, SYN | ACK, inside(f), guess(f), 0);
	case 4:
		return say(f, RST, beyond(f), 0, 0);
	case 5:
		return say(f, RST, inside(f), 0, 0);
	case 6:
		return say(f, RST, old, 0, 0);
	default:
		return say(f, RST | ACK, any(f), any(f), 0);
	}
}

/* Data, acknowledgments and ends of data. */
static struct frame forge_data(const struct forger *f)
{
	uint16_t bytes = some_bytes(f);

	switch (random_below(f->random, 8)) {
	case 0:
		return say(f, ACK, f->self->next, f->peer->next + 1 + random_below(f->random, FAR),
			   0);
	case 1:
		return say(f, ACK, f->self->next, f->peer->first - 1 - random_below(f->random, FAR),
			   0);
	case 2:
		return say(f, ACK | PSH, beyond(f), f->self->acked, bytes);
	case 3: /* received long ago */
		return say(f, ACK, f->peer->acked - bytes, f->self->acked, bytes);
	case 4: /* as some keep-alives do, with a byte of garbage */
		return say(f, ACK, f->peer->acked - 1, f->self->acked, 1);
	case 5:
		return say(f, FIN | ACK, beyond(f), f->self->acked, 0);
	case 6:
		return say(f, 0, f->self->next, 0, bytes);
	default:
		return say(f, FIN | ACK, any(f), any(f), 0);
	}
}

struct frame make_false_segment(struct random *random, const struct wire *wire, enum side as,
				enum side from, const struct frame *frame)
{
	const struct frame like = as == from ? *frame : reverse_frame(frame);
	const struct wire_side *self = &wire->side[as], *peer = &wire->side[!as];
	struct forger f = {
		.random = random,
		.self = self,
		.peer = peer,
		.like = &like,
		.edge = peer->acked + (peer->window ? peer->window : 1),
	};

	/* Before both have spoken he can but guess. */
	if (!self->spoke || !peer->spoke) {
		static const uint8_t flags[] = {SYN, SYN | ACK, RST, RST | ACK, ACK, FIN | ACK};

		return say(&f, flags[random_below(random, sizeof(flags))], any(&f), any(&f), 0);
	}
	return one_in(random, 2) ? forge_control(&f) : forge_data(&f);
}

struct frame alter_segment(struct random *random, const struct wire *wire, enum side from,
			   const struct frame *frame, const struct segment_view *view)
{
	static const uint8_t flags[] = {SYN, SYN | ACK, RST, RST | ACK, FIN | ACK, ACK};
	static const uint32_t steps[] = {1, 1000, 65535, 1 << 20, 1U << 31, -1000U, -70000U};
	uint32_t step = steps[random_below(random, sizeof(steps) / sizeof(steps[0]))];
	struct frame altered = *frame;

	switch (random_below(random, 4)) {
	case 0:
		set_sequence(&altered, view, view->sequence + step);
		break;
	case 1:
		set_acknowledgment(&altered, view, view->acknowledgment + step);
		break;
	case 2:
		set_window(&altered, view, one_in(random, 2) ? 0 : 65535);
		break;
	default:
		set_flags(&altered, view, flags[random_below(random, sizeof(flags))]);
		break;
	}
	/* The number at which the window of the other side ends, and a window more. */
	if (one_in(random, 3))
		set_sequence(&altered, view,
			     wire->side[!from].acked +
				     wire->side[!from].window * (1 + random_below(random, 2)));
	return altered;
}

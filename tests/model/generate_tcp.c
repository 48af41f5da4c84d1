// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TCP connections that open, talk, close and are used anew; most segments are in order, and those
 * that are not lie at the edges of what may be.
 */
#include "hostd/base/cleanup.h"
#include "tests/model/generate.h"

static const uint16_t windows[] = {0, 1, 500, 1000, 1000, 5000, 64240, 65535};
static const int scales[] = {-1, -1, 0, 3, 7, 14, 200};
static const uint16_t sizes[] = {1, 8, 100, 500, 1000, 1300};
static const int32_t near[] = {-1, 0, 1, -2, 2, -1000, 1000};

struct segment {
	uint8_t flags;
	uint32_t sequence, acknowledgment;
	size_t payload;
	struct bytes options;
};

static void send_segment(struct generator *g, struct tcp_flow *flow, enum direction direction,
			 const struct segment *segment)
{
	bool out = direction == DIRECTION_OUT;
	const struct tcp_fields fields = {
		.flags = segment->flags,
		.sequence = segment->sequence,
		.acknowledgment = segment->acknowledgment,
		.window = flow->window[direction] ? flow->window[direction] : ZERO_WINDOW,
		.options = segment->options,
		.payload = segment->payload,
	};

	emit(g, direction,
	     build_tcp(out ? flow->local : flow->remote, out ? flow->remote : flow->local,
		       out ? flow->local_port : flow->remote_port,
		       out ? flow->remote_port : flow->local_port, &fields));
}

static void send_next(struct generator *g, struct tcp_flow *flow, enum direction direction,
		      uint8_t flags, size_t payload)
{
	const struct segment segment = {
		.flags = flags,
		.sequence = flow->next[direction],
		.acknowledgment = flags & ACK ? flow->next[!direction] : 0,
		.payload = payload,
	};

	send_segment(g, flow, direction, &segment);
	flow->next[direction] += (uint32_t)payload + !!(flags & SYN) + !!(flags & FIN);
	if (flags & ACK)
		flow->acked[direction] = flow->next[!direction];
}

/* ---- the handshake -------------------------------------------------------------------------- */

static uint32_t pick_number(struct generator *g)
{
	return one_in(g->random, 3) ? 0xffffff00U + random_below(g->random, 512)
				    : (uint32_t)random_word(g->random);
}

void start_tcp_flow(struct generator *g, struct tcp_flow *flow)
{
	static const uint16_t services[] = {80, 80, 22, 443}, clients[] = {40000, 40001, 50000};
	bool v4 = one_in(g->random, 2);
	uint16_t service = PICK(g->random, services), client = PICK(g->random, clients);

	*flow = (struct tcp_flow){
		.local = pick_local(g, v4),
		.remote = pick_remote(g, v4),
		.opener = random_below(g->random, 2),
	};
	flow->local_port = flow->opener == DIRECTION_OUT ? client : service;
	flow->remote_port = flow->opener == DIRECTION_OUT ? service : client;
}

/* Options that a SYN may have; some are broken. */
static struct bytes pick_options(struct generator *g, int scale, uint8_t room[40])
{
	static const uint8_t timestamp[] = {8, 10, 0, 0, 0, 1, 0, 0, 0, 0}, mss[] = {2, 4, 5, 0xb4};
	size_t size = 0;

	if (one_in(g->random, 2)) {
		for (size_t i = 0; i < sizeof(mss); i++)
			room[size++] = mss[i];
	}
	if (one_in(g->random, 4)) {
		for (size_t i = 0; i < sizeof(timestamp); i++)
			room[size++] = timestamp[i];
	}
	if (one_in(g->random, 20))
		room[size++] = (uint8_t)random_word(g->random);
	for (uint32_t i = random_below(g->random, 3); i > 0; i--)
		room[size++] = NOP;
	if (scale >= 0) {
		room[size++] = 3;
		room[size++] = one_in(g->random, 30) ? 2 : 3;
		room[size++] = (uint8_t)scale;
	}
	return (struct bytes){.data = room, .size = size};
}

static void send_syn(struct generator *g, struct tcp_flow *flow, enum direction direction,
		     uint8_t flags)
{
	uint8_t room[40] = {0};
	struct segment segment = {
		.flags = SYN | flags,
		.acknowledgment = flags & ACK ? flow->next[!direction] : 0,
	};

	flow->window[direction] = PICK(g->random, windows);
	flow->scale[direction] = PICK(g->random, scales);
	segment.options = pick_options(g, flow->scale[direction], room);
	segment.sequence = pick_number(g);
	if (one_in(g->random, 12))
		segment.payload = PICK(g->random, sizes);
	if (one_in(g->random, 12))
		segment.acknowledgment += (uint32_t)PICK(g->random, near);
	flow->first[direction] = segment.sequence;
	flow->next[direction] = segment.sequence + 1 + (uint32_t)segment.payload;
	flow->acked[direction] = segment.acknowledgment;
	send_segment(g, flow, direction, &segment);
}

/* The SYN of before, with other options or none, and more data or less. */
static void repeat_syn(struct generator *g, struct tcp_flow *flow, enum direction direction,
		       uint8_t flags)
{
	uint8_t room[40] = {0};
	const struct segment segment = {
		.flags = SYN | flags,
		.sequence = flow->first[direction],
		.acknowledgment = flags & ACK ? flow->next[!direction] : 0,
		.options = pick_options(g, PICK(g->random, scales), room),
		.payload = one_in(g->random, 6) ? PICK(g->random, sizes) : 0,
	};

	send_segment(g, flow, direction, &segment);
}

/* Both ends, or one, or somebody else only, have forgotten the connection: SYN on its ports. */
static void ask_again(struct generator *g, struct tcp_flow *flow)
{
	struct tcp_flow forged = *flow;

	if (one_in(g->random, 4)) {
		send_syn(g, &forged, random_below(g->random, 2), 0);
		return;
	}
	if (one_in(g->random, 3))
		flow->opener = !flow->opener;
	send_syn(g, flow, flow->opener, 0);
	flow->phase = FLOW_ASKED;
}

static void ask(struct generator *g, struct tcp_flow *flow)
{
	if (flow->local && !one_in(g->random, 3))
		; /* the same ports anew */
	else
		start_tcp_flow(g, flow);
	flow->phase = FLOW_ASKED;
	if (one_in(g->random, 12)) { /* in the middle of things */
		flow->next[0] = pick_number(g);
		flow->next[1] = pick_number(g);
		flow->scale[0] = flow->scale[1] = -1;
		flow->window[0] = flow->window[1] = 5000;
		flow->phase = FLOW_OPEN;
		return;
	}
	send_syn(g, flow, flow->opener, one_in(g->random, 12) ? ECE | CWR : 0);
}

static void answer(struct generator *g, struct tcp_flow *flow)
{
	enum direction opener = flow->opener;
	struct tcp_flow forged;

	if (one_in(g->random, 3)) {
		switch (random_below(g->random, 11)) {
		case 0:
			send_syn(g, flow, opener, 0);
			return;
		case 8:
			repeat_syn(g, flow, opener, 0);
			return;
		case 9: /* of an answer that is not the true one */
			forged = *flow;
			send_syn(g, &forged, !opener, one_in(g->random, 2) ? ACK : 0);
			return;
		case 10:
			forged = *flow;
			send_syn(g, &forged, opener, 0);
			return;
		case 1:
			send_next(g, flow, !opener, RST | ACK, 0);
			return;
		case 2:
			send_syn(g, flow, !opener, 0);
			flow->phase = FLOW_ANSWERED;
			return;
		case 3:
			send_next(g, flow, !opener, ACK, one_in(g->random, 2) ? 0 : 8);
			return;
		case 4:
			send_next(g, flow, opener, RST, 0);
			return;
		case 5:
			send_next(g, flow, !opener, RST, 0);
			return;
		case 6:
			send_next(g, flow, opener, ACK, 0);
			return;
		default:
			send_next(g, flow, random_below(g->random, 2), FIN | ACK, 0);
			return;
		}
	}
	send_syn(g, flow, !opener, ACK);
	flow->phase = FLOW_ANSWERED;
}

static void finish_handshake(struct generator *g, struct tcp_flow *flow)
{
	if (one_in(g->random, 6)) {
		switch (random_below(g->random, 4)) {
		case 0:
			repeat_syn(g, flow, flow->opener, 0);
			return;
		case 1:
			repeat_syn(g, flow, !flow->opener, ACK);
			return;
		case 2:
			send_syn(g, flow, !flow->opener, ACK);
			return;
		default:
			ask_again(g, flow);
			return;
		}
	}
	flow->phase = FLOW_OPEN;
	/* Agreed, as hosts would. */
	if (flow->scale[0] < 0 || flow->scale[1] < 0)
		flow->scale[0] = flow->scale[1] = -1;
	if (!one_in(g->random, 8))
		send_next(g, flow, flow->opener, ACK, 0);
}

/* ---- talking -------------------------------------------------------------------------------- */

static uint32_t scaled_window(const struct tcp_flow *flow, enum direction direction)
{
	int scale = flow->scale[direction];

	return (uint32_t)flow->window[direction] << (scale < 0 ? 0 : scale > 14 ? 14 : scale);
}

static uint32_t latitude(uint32_t window)
{
	return window < 1 << 20 ? window : 1 << 20;
}

/* Where the other side's window, or its memory, or acknowledgments end. */
static void send_at_edge(struct generator *g, struct tcp_flow *flow, enum direction direction)
{
	uint32_t window = scaled_window(flow, !direction), own = scaled_window(flow, direction);
	uint32_t by = (uint32_t)PICK(g->random, near);
	struct segment segment = {
		.flags = one_in(g->random, 8) ? RST : ACK,
		.sequence = flow->next[direction],
		.acknowledgment = flow->next[!direction],
		.payload = one_in(g->random, 2) ? 0 : PICK(g->random, sizes),
	};

	switch (random_below(g->random, 8)) {
	case 0:
		segment.sequence = flow->acked[!direction] + window + by;
		break;
	case 6: /* a window later still: bounds may be that late */
		segment.sequence = flow->acked[!direction] + window + latitude(window) + by;
		break;
	case 7:
		segment.acknowledgment += latitude(own) + by;
		break;
	case 1:
		segment.sequence = flow->next[direction] - window - (uint32_t)segment.payload + by;
		break;
	case 2:
		segment.acknowledgment += by;
		break;
	case 3:
		segment.acknowledgment -= 66000 + by;
		break;
	case 4:
		segment.acknowledgment -= own + by;
		break;
	default:
		segment.sequence += by;
		break;
	}
	send_segment(g, flow, direction, &segment);
}

static void send_reset(struct generator *g, struct tcp_flow *flow, enum direction direction)
{
	struct segment segment = {
		.flags = one_in(g->random, 2) ? RST : RST | ACK,
		.sequence = one_in(g->random, 2) ? flow->next[direction] : flow->acked[!direction],
		.acknowledgment = flow->next[!direction],
	};

	if (one_in(g->random, 4))
		segment.sequence += (uint32_t)PICK(g->random, near);
	send_segment(g, flow, direction, &segment);
	if (one_in(g->random, 2))
		flow->phase = FLOW_CLOSED;
}

/* Sent again: all of the last bytes, or a keep-alive's one. */
static void send_again(struct generator *g, struct tcp_flow *flow, enum direction direction)
{
	struct segment segment = {.flags = ACK, .acknowledgment = flow->next[!direction]};

	segment.payload =
		one_in(g->random, 3) ? random_below(g->random, 2) : PICK(g->random, sizes);
	segment.sequence = flow->next[direction] - (uint32_t)segment.payload;
	if (!segment.payload)
		segment.sequence--;
	send_segment(g, flow, direction, &segment);
}

static void send_odd(struct generator *g, struct tcp_flow *flow, enum direction direction)
{
	static const uint8_t flags[] = {0,         SYN,       SYN,       SYN | ACK, FIN,
					FIN | RST, SYN | FIN, SYN | RST, PSH | URG, ACK | URG};
	struct segment segment = {
		.flags = one_in(g->random, 4) ? (uint8_t)random_word(g->random)
					      : PICK(g->random, flags),
		.sequence = flow->next[direction] - random_below(g->random, 2),
		.acknowledgment = flow->next[!direction],
	};

	if (one_in(g->random, 3))
		segment.sequence = pick_number(g);
	send_segment(g, flow, direction, &segment);
}

static void talk(struct generator *g, struct tcp_flow *flow)
{
	enum direction direction = random_below(g->random, 2);

	switch (random_below(g->random, 22)) {
	case 20:
		ask_again(g, flow);
		break;
	case 21:
		repeat_syn(g, flow, direction, one_in(g->random, 2) ? ACK : 0);
		break;
	case 0:
	case 1:
	case 2:
		send_at_edge(g, flow, direction);
		break;
	case 3:
		send_reset(g, flow, direction);
		break;
	case 4:
	case 5:
		send_again(g, flow, direction);
		break;
	case 6:
		send_odd(g, flow, direction);
		break;
	case 7:
	case 8:
	case 9:
		send_next(g, flow, direction, FIN | ACK, one_in(g->random, 3) ? 8 : 0);
		break;
	case 10:
		flow->window[direction] = PICK(g->random, windows);
		send_next(g, flow, direction, ACK, 0);
		break;
	case 11:
		flow->phase = FLOW_CLOSED;
		break;
	case 12:
	case 13:
	case 14:
	case 15:
		send_next(g, flow, direction, ACK, 0);
		break;
	default:
		send_next(g, flow, direction, ACK | PSH, PICK(g->random, sizes));
		break;
	}
}

void emit_tcp(struct generator *g)
{
	struct tcp_flow *flow = &g->tcp[random_below(g->random, TCP_FLOWS)];

	switch (flow->phase) {
	case FLOW_CLOSED:
		ask(g, flow);
		break;
	case FLOW_ASKED:
		answer(g, flow);
		break;
	case FLOW_ANSWERED:
		finish_handshake(g, flow);
		break;
	case FLOW_OPEN:
		talk(g, flow);
		break;
	}
}

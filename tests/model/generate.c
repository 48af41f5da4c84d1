// SPDX-License-Identifier: GPL-2.0-or-later
/* What happens to frames on their way, and to a port meanwhile. */
#include "tests/model/generate.h"

#include <netinet/in.h>
#include <string.h>

#include "hostd/base/cleanup.h"

#define STEPS_MIN 10
#define STEPS_MAX 70

/* Room for what is put around a packet. */
#define WRAPPED_MAX 1400

const struct host *pick_local(struct generator *g, bool v4)
{
	if (one_in(g->random, 20))
		return v4 ? INTRUDER : INTRUDER6;
	if (v4)
		return VM;
	return one_in(g->random, 6) ? VM_LINK : VM6;
}

const struct host *pick_remote(struct generator *g, bool v4)
{
	static const struct host *const *const hosts[] = {&WEB, &WEB, &CLIENT, &INTRUDER, &ROUTER};
	static const struct host *const *const hosts6[] = {&WEB6, &WEB6, &CLIENT6, &INTRUDER6,
							   &ROUTER6};

	return v4 ? *PICK(g->random, hosts) : *PICK(g->random, hosts6);
}

/* ---- what may be around a packet ------------------------------------------------------------ */

static bool is_ip_frame(const struct packet *packet)
{
	uint16_t type = (uint16_t)(packet->bytes[packet->network - 2] << 8 |
				   packet->bytes[packet->network - 1]);

	return type == 0x0800 || type == 0x86dd;
}

static struct packet add_extension(struct generator *g, struct packet packet)
{
	static const uint8_t kinds[] = {0, 2, 4};

	switch (random_below(g->random, 5)) {
	case 0:
		return with_hop_by_hop(packet);
	case 1:
		return with_routing(PICK(g->random, kinds), packet);
	case 2:
		return with_authentication(packet);
	default:
		return with_destination_options(packet);
	}
}

static struct packet add_ip_options(struct generator *g, struct packet packet)
{
	static const uint8_t options[40] = {0x94, 4, 0, 0, 1, 1, 1};
	struct bytes bytes = {.data = options, .size = 1 + random_below(g->random, 40)};

	/* There may be some already. */
	return packet.bytes[packet.network] == 0x45 ? with_ip_options(bytes, packet) : packet;
}

static struct packet wrap_ip(struct generator *g, struct packet packet)
{
	if (packet.bytes[packet.network] >> 4 == 4)
		return one_in(g->random, 16) ? add_ip_options(g, packet) : packet;
	if (!one_in(g->random, 8))
		return packet;
	for (uint32_t i = one_in(g->random, 6) ? 9 : 1 + random_below(g->random, 3); i > 0; i--)
		packet = add_extension(g, packet);
	if (one_in(g->random, 8))
		packet = fragment(random_below(g->random, 4), 0, 0, packet);
	return packet;
}

static struct packet wrap_frame(struct generator *g, struct packet packet)
{
	static const uint16_t tags[] = {0, 0, 10, 10, 20, 4094, 0x200a};

	if (one_in(g->random, 24))
		packet = in_snap(packet);
	if (g->trunk && !one_in(g->random, 4))
		packet = in_vlan(one_in(g->random, 4) ? 20 : 10, packet);
	if (one_in(g->random, 16))
		packet = in_vlan(PICK(g->random, tags), packet);
	if (one_in(g->random, 32))
		packet = in_service_vlan(PICK(g->random, tags), packet);
	if (one_in(g->random, 24))
		packet = in_offloaded_vlan(PICK(g->random, tags), packet);
	return packet;
}

/* ---- damage --------------------------------------------------------------------------------- */

static uint16_t pick_place(struct generator *g, const struct packet *packet)
{
	uint32_t most = packet->length < 120 ? packet->length : 120;

	return (uint16_t)random_below(g->random, most);
}

static void change_word(struct generator *g, struct packet *packet)
{
	uint16_t at = pick_place(g, packet) & ~1;

	if (at + 2 > packet->length)
		return;
	packet->bytes[at + 1] = (uint8_t)(packet->bytes[at + 1] + random_below(g->random, 5) - 2);
}

static struct packet damage(struct generator *g, struct packet packet)
{
	static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff, 4, 6, 44};

	switch (random_below(g->random, 8)) {
	case 0:
	case 1:
		packet.bytes[pick_place(g, &packet)] ^= (uint8_t)(1 << random_below(g->random, 9));
		break;
	case 2:
		packet.bytes[pick_place(g, &packet)] = PICK(g->random, values);
		break;
	case 3:
		packet = cut_at(FRAME(14 + random_below(g->random, packet.length - 13U)), packet);
		break;
	case 4:
		packet = padded(random_below(g->random, 40), packet);
		break;
	case 5:
	case 6:
		change_word(g, &packet);
		break;
	default:
		packet = sent_by(one_in(g->random, 2) ? INTRUDER : ROUTER, packet);
		break;
	}
	return packet;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static struct step *add_step(struct generator *g, enum step_kind kind)
{
	struct step *step = &g->sequence->steps[g->sequence->count];

	if (g->sequence->count == SEQUENCE_STEPS_MAX - 1)
		return step; /* written over by the next */
	g->sequence->count++;
	step->kind = kind;
	step->expected = EXPECT_NOTHING; /* the place may have held another sequence's */
	return step;
}

void emit_plain(struct generator *g, enum direction direction, const struct packet *packet)
{
	struct step *step = add_step(g, STEP_FRAME);

	step->direction = direction;
	step->expected = EXPECT_NOTHING;
	step->packet = *packet;
}

static bool may_be_cut(const struct packet *packet)
{
	return is_ip_frame(packet) && packet->length - packet->network > 60;
}

/* Pieces of 8 bytes and more. What follows the IPv4 header or the fixed IPv6 header is cut. */
void emit_fragments(struct generator *g, enum direction direction, const struct packet *packet)
{
	bool v4 = packet->bytes[packet->network] >> 4 == 4;
	size_t header = v4 ? (size_t)(packet->bytes[packet->network] & 15) * 4 : 40;
	size_t payload = packet->length - packet->network - header;
	size_t first = 8 * (1 + random_below(g->random, (uint32_t)payload / 8));
	uint32_t id = random_below(g->random, 6);
	struct packet part;

	if (!one_in(g->random, 8)) {
		part = wrap_frame(g, fragment(id, 0, first, *packet));
		emit_plain(g, direction, &part);
	}
	for (size_t offset = first; offset < payload;) {
		size_t size = 8 * (1 + random_below(g->random, 20));

		if (one_in(g->random, 8)) /* reaches back */
			offset -= 8;
		part = wrap_frame(g, fragment(id, offset, size, *packet));
		if (one_in(g->random, 16))
			part = damage(g, part);
		emit_plain(g, direction, &part);
		offset += size;
		if (one_in(g->random, 4))
			return;
	}
}

/* Two neighbors change places. */
static void reorder(struct generator *g)
{
	struct sequence *sequence = g->sequence;
	struct step *last, swap;

	if (sequence->count < 2)
		return;
	last = &sequence->steps[sequence->count - 1];
	if (last[0].kind != STEP_FRAME || last[-1].kind != STEP_FRAME)
		return;
	swap = last[0];
	last[0] = last[-1];
	last[-1] = swap;
}

static void emit_again(struct generator *g)
{
	const struct sequence *sequence = g->sequence;
	const struct step *step =
		&sequence->steps[random_below(g->random, (uint32_t)sequence->count)];
	struct packet packet;

	if (step->kind != STEP_FRAME)
		return;
	packet = step->packet;
	if (one_in(g->random, 3) && packet.length < WRAPPED_MAX)
		packet = damage(g, packet);
	emit_plain(g, step->direction, &packet);
}

void emit(struct generator *g, enum direction direction, struct packet packet)
{
	if (packet.length < WRAPPED_MAX && is_ip_frame(&packet))
		packet = wrap_ip(g, packet);
	if (may_be_cut(&packet) && one_in(g->random, 14)) {
		emit_fragments(g, direction, &packet);
		return;
	}
	if (packet.length < WRAPPED_MAX)
		packet = wrap_frame(g, packet);
	if (packet.length < WRAPPED_MAX && one_in(g->random, 12))
		packet = damage(g, packet);
	if (one_in(g->random, 60))
		direction = !direction;
	emit_plain(g, direction, &packet);
	if (one_in(g->random, 24))
		reorder(g);
	if (one_in(g->random, 24))
		emit_again(g);
}

/* ---- the port and the clock ----------------------------------------------------------------- */

static void put_port(struct generator *g)
{
	struct step *step = add_step(g, STEP_PORT);

	step->port = g->port;
}

static void change_addresses(struct generator *g)
{
	struct port_setup usual = usual_port(NULL), *port = &g->port;

	memcpy(port->addresses, usual.addresses, sizeof(port->addresses));
	port->address_count = usual.address_count;
	switch (random_below(g->random, 4)) {
	case 0:
		port->address_count = 0;
		break;
	case 1:
		port->address_count = 1;
		break;
	case 2: /* 10.0.0.0/24 */
		port->addresses[0].bits = 120;
		port->addresses[0].address[15] = 0;
		break;
	default:
		break;
	}
}

static void change_vlans(struct generator *g)
{
	static const uint16_t ids[] = {10, 20, 4094};

	g->port.guards ^= one_in(g->random, 4) ? GUARD_VLAN : 0;
	g->port.vlan_count = random_below(g->random, 3);
	for (uint32_t i = 0; i < g->port.vlan_count; i++)
		g->port.vlans[i] = PICK(g->random, ids);
}

static void change_policy(struct generator *g)
{
	const struct policy_pool *pool = g->pool;
	uint32_t last = (uint32_t)pool->count;

	/* The first allows everything, then nothing less than the guards is in the way. */
	g->port.policy = pool->items[one_in(g->random, 3)   ? 0
				     : one_in(g->random, 4) ? random_below(g->random, 3)
							    : random_below(g->random, last)];
}

static void change_port(struct generator *g)
{
	g->port.absent = false;
	g->port.flags &= ~PORT_QUARANTINE;
	switch (random_below(g->random, 20)) {
	case 0:
		g->port.guards ^= 1U << random_below(g->random, GUARD_KIND_COUNT);
		break;
	case 1:
		g->port.guards = random_below(g->random, GUARDS_ALL + 1);
		break;
	case 2:
	case 3:
		g->port.flags ^= PORT_AUDIT;
		break;
	case 4:
	case 5:
		change_addresses(g);
		break;
	case 6:
	case 7:
		change_vlans(g);
		break;
	case 8:
	case 9:
	case 10:
		g->port.pickup = one_in(g->random, 3) ? 0 : 500 + 1000 * random_below(g->random, 4);
		break;
	case 11:
		g->port.absent = true;
		break;
	case 12:
		g->port.flags = PORT_QUARANTINE;
		break;
	default:
		change_policy(g);
		break;
	}
	put_port(g);
}

static void change_settings(struct generator *g)
{
	struct settings_setup *settings = &g->settings;

	settings->timeout[random_below(g->random, STATE_COUNT)] =
		500 + 1000 * random_below(g->random, 30);
	add_step(g, STEP_SETTINGS)->settings = *settings;
}

static void jump(struct generator *g)
{
	static const uint32_t thousands[] = {1, 1, 2, 3, 5, 8, 12, 20, 50, 400};
	uint32_t jiffies = 1000 * PICK(g->random, thousands);

	/* Just enough for a session at the rate of one a second. */
	if (g->small_jumps < 4 && one_in(g->random, 3)) {
		g->small_jumps++;
		jiffies = 50;
	}
	add_step(g, STEP_JUMP)->jiffies = jiffies;
}

static void change_something(struct generator *g)
{
	switch (random_below(g->random, 12)) {
	case 0:
		change_settings(g);
		break;
	case 1:
		add_step(g, STEP_SWEEP);
		break;
	case 2:
	case 3:
	case 4:
		jump(g);
		break;
	default:
		change_port(g);
		break;
	}
}

static void set_limits(struct generator *g)
{
	struct port_setup *port = &g->port;

	if (one_in(g->random, 4))
		port->limits[LIMIT_SESSIONS] = one_in(g->random, 2) ? SMALL_LIMIT : TINY_LIMIT;
	for (int i = LIMIT_SESSIONS + 1; i < LIMIT_COUNT; i++) {
		if (one_in(g->random, 4))
			port->limits[i] = 1 + random_below(g->random, 4);
	}
	/* No more than one a second: a sequence takes no second. A bucket without depth would let
	 * nothing through. */
	if (port->limits[LIMIT_SESSION_RATE]) {
		port->limits[LIMIT_SESSION_RATE] = 1;
		if (!port->limits[LIMIT_SESSION_BURST])
			port->limits[LIMIT_SESSION_BURST] = 1;
	}
	if (one_in(g->random, 3))
		port->unconfirmed = random_below(g->random, 5);
}

/* ---- a sequence ----------------------------------------------------------------------------- */

void make_sequence(struct random *random, const struct policy_pool *pool, struct sequence *ret)
{
	struct generator g = {.random = random, .pool = pool, .sequence = ret};
	size_t steps = STEPS_MIN + random_below(random, STEPS_MAX - STEPS_MIN);
	uint32_t tcp = random_below(random, 4); /* of four steps */

	ret->count = 0;
	g.port = usual_port(NULL);
	g.settings = usual_settings();
	g.trunk = one_in(random, 6);
	if (g.trunk)
		g.port.guards &= ~GUARD_VLAN;
	change_policy(&g);
	if (one_in(random, 4))
		set_limits(&g);
	put_port(&g);
	if (one_in(random, 4))
		change_port(&g);
	while (ret->count < steps) {
		if (one_in(random, 14))
			change_something(&g);
		else if (random_below(random, 4) <= tcp)
			emit_tcp(&g);
		else
			emit_other(&g);
	}
}

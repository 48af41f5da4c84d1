// SPDX-License-Identifier: GPL-2.0-or-later
/* What else there is on a network. */
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "hostd/base/cleanup.h"
#include "tests/model/generate.h"

static bool flip(struct generator *g)
{
	return one_in(g->random, 2);
}

/* A frame of the guest or of a remote, each with its own builder. */
#define EMIT_EITHER(g, build_out, build_in)                                                        \
	do {                                                                                       \
		if (flip(g))                                                                       \
			emit((g), DIRECTION_OUT, (build_out));                                     \
		else                                                                               \
			emit((g), DIRECTION_IN, (build_in));                                       \
	} while (0)

static void emit_udp(struct generator *g)
{
	static const uint16_t local_ports[] = {53, 68, 5353, 40000, 40001, 546},
			      remote_ports[] = {53, 67, 5353, 40000, 547, 68};
	static const size_t sizes[] = {0, 8, 30, 200, 600};
	bool v4 = flip(g), lite = one_in(g->random, 10);
	const struct host *local = pick_local(g, v4), *remote = pick_remote(g, v4);
	uint16_t here = PICK(g->random, local_ports), there = PICK(g->random, remote_ports);
	size_t size = PICK(g->random, sizes);

	EMIT_EITHER(g, udp(local, remote, here, there, .lite = lite, .payload = size),
		    udp(remote, local, there, here, .lite = lite, .payload = size));
}

static void emit_sctp(struct generator *g)
{
	bool v4 = flip(g);
	const struct host *local = pick_local(g, v4), *remote = pick_remote(g, v4);
	uint8_t chunk = (uint8_t)random_below(g->random, 4);

	EMIT_EITHER(g, sctp(local, remote, 5000, 53, chunk), sctp(remote, local, 53, 5000, chunk));
}

static void emit_raw(struct generator *g)
{
	static const uint8_t protocols[] = {IPPROTO_GRE,  IPPROTO_ESP, IPPROTO_IGMP, 59, 135,
					    IPPROTO_IPIP, IPPROTO_AH,  IPPROTO_ICMP, 58, 6,
					    17,           132,         136,          0};
	static const size_t sizes[] = {0, 3, 7, 8, 11, 12, 19, 20, 40};
	bool v4 = flip(g);
	const struct host *local = pick_local(g, v4), *remote = pick_remote(g, v4);
	uint8_t protocol = PICK(g->random, protocols);
	size_t size = PICK(g->random, sizes);

	EMIT_EITHER(g, ip(local, remote, protocol, size), ip(remote, local, protocol, size));
}

/* ---- ICMP ----------------------------------------------------------------------------------- */

static void emit_icmp(struct generator *g)
{
	static const uint8_t v4_types[] = {8,  8,  0,  0, 13, 14, 15, 16, 17, 18,
					   42, 43, 10, 9, 5,  30, 3,  11, 40, 1},
			     v6_types[] = {128, 128, 129, 129, 160, 161, 1,   2,   139, 143,
					   130, 131, 132, 133, 134, 135, 136, 137, 200, 100};
	/* Identifiers that are also types. */
	static const uint16_t ids[] = {7, 7, 8, 128, 0, 13};
	bool v4 = flip(g);
	const struct host *local = pick_local(g, v4), *remote = pick_remote(g, v4);
	uint8_t type = v4 ? PICK(g->random, v4_types) : PICK(g->random, v6_types);
	uint8_t code = one_in(g->random, 4) ? 1 : 0;
	uint16_t id = PICK(g->random, ids);
	size_t size = random_below(g->random, 5) * 12;

	EMIT_EITHER(g, icmp(local, remote, type, code, .id = id, .payload = size),
		    icmp(remote, local, type, code, .id = id, .payload = size));
}

static const struct step *pick_frame(struct generator *g)
{
	const struct sequence *sequence = g->sequence;
	const struct step *step;

	if (!sequence->count)
		return NULL;
	step = &sequence->steps[random_below(g->random, (uint32_t)sequence->count)];
	return step->kind == STEP_FRAME && step->packet.length < 700 &&
			       step->packet.network < step->packet.length
		       ? step
		       : NULL;
}

/* About something that was sent before, by the other side. */
static void emit_error(struct generator *g)
{
	static const uint8_t v4_types[] = {3, 3, 11, 12, 5, 4}, v6_types[] = {1, 1, 2, 3, 4, 100};
	static const size_t cuts[] = {0, 0, 0, 0, 19, 20, 27, 28, 39, 40, 47, 48, 60};
	const struct step *cause = pick_frame(g);
	const struct host *local, *remote;
	bool v4;
	size_t cut = PICK(g->random, cuts);

	if (!cause)
		return;
	v4 = cause->packet.bytes[cause->packet.network] >> 4 != 6;
	local = pick_local(g, v4);
	remote = pick_remote(g, v4);
	if (!one_in(g->random, 8)) /* the one who sent it gets it */
		local = v4                                                       ? VM
			: cause->packet.bytes[cause->packet.network + 8] == 0xfe ? VM_LINK
										 : VM6;
	if (cut >= (size_t)(cause->packet.length - cause->packet.network))
		cut = 0;
	if (cause->direction == DIRECTION_OUT || one_in(g->random, 12))
		emit(g, DIRECTION_IN,
		     icmp_error(remote, local,
				v4 ? PICK(g->random, v4_types) : PICK(g->random, v6_types), 0,
				cause->packet, cut));
	else
		emit(g, DIRECTION_OUT,
		     icmp_error(local, remote,
				v4 ? PICK(g->random, v4_types) : PICK(g->random, v6_types), 0,
				cause->packet, cut));
}

/* ---- what keeps a network going ------------------------------------------------------------- */

static void emit_arp(struct generator *g)
{
	const struct host *local = one_in(g->random, 4) ? INTRUDER : VM;
	uint16_t operation = one_in(g->random, 8) ? (uint16_t)random_below(g->random, 10)
						  : (uint16_t)(1 + random_below(g->random, 2));
	struct packet packet;

	if (flip(g)) {
		emit(g, DIRECTION_IN, arp(operation, ROUTER, VM));
		return;
	}
	switch (random_below(g->random, 6)) {
	case 0:
		packet = arp_probe(local, VM);
		break;
	case 1:
		packet = rarp_announce(local);
		break;
	case 2:
		packet = set_bytes(NETWORK(14), NOBODY->address + 12, 4,
				   arp(operation, local, ROUTER));
		break;
	case 3:
		packet = set16(FRAME(12), ETH_P_RARP, arp(operation, local, ROUTER));
		break;
	default:
		packet = arp(operation, local, ROUTER);
		break;
	}
	if (local == INTRUDER && flip(g))
		packet = sent_by(VM, packet);
	emit(g, DIRECTION_OUT, packet);
}

static const struct host *pick_claim(struct generator *g)
{
	static const struct host *const *const hosts[] = {&VM6,     &VM6,     &VM_LINK,
							  &NOBODY6, &ROUTER6, &INTRUDER6};

	return *PICK(g->random, hosts);
}

static struct packet make_discovery(struct generator *g, const struct host *from)
{
	switch (random_below(g->random, 7)) {
	case 0:
	case 1:
		return neighbor_solicitation(from, pick_claim(g));
	case 2:
	case 3:
		return neighbor_advertisement(from, ROUTER6, pick_claim(g));
	case 4:
		return router_solicitation(from);
	case 5:
		return router_advertisement(from);
	default:
		return redirect(from, ROUTER_LINK, VM6);
	}
}

static void emit_discovery(struct generator *g)
{
	if (one_in(g->random, 3)) {
		emit(g, DIRECTION_IN, make_discovery(g, flip(g) ? ROUTER6 : ROUTER_LINK));
		return;
	}
	emit(g, DIRECTION_OUT, sent_by(VM, make_discovery(g, pick_claim(g))));
}

static void emit_configuration(struct generator *g)
{
	switch (random_below(g->random, 8)) {
	case 0:
		emit(g, DIRECTION_OUT, dhcp_discover(flip(g) ? NOBODY : VM));
		break;
	case 1:
		emit(g, DIRECTION_IN, dhcp_offer(ROUTER, flip(g) ? BROADCAST : VM));
		break;
	case 2:
		emit(g, DIRECTION_OUT, dhcpv6_solicit(VM_LINK));
		break;
	case 3:
		emit(g, DIRECTION_IN, dhcpv6_reply(ROUTER_LINK, VM_LINK));
		break;
	case 4:
		emit(g, DIRECTION_OUT,
		     flip(g) ? dhcp_offer(VM, CLIENT) : dhcpv6_reply(VM6, CLIENT6));
		break;
	case 5:
		EMIT_EITHER(g, igmp_report(flip(g) ? VM : NOBODY), igmp_query(ROUTER));
		break;
	default:
		EMIT_EITHER(g, mld_report(flip(g) ? VM_LINK : NOBODY6), mld_query(ROUTER_LINK));
		break;
	}
}

/* Requests to a group, answered from elsewhere. */
static void emit_group(struct generator *g)
{
	static const struct host mdns6 = {.mac = {0x33, 0x33, 0, 0, 0, 0xfb},
					  .address = {0xff, 0x02, [15] = 0xfb}};
	static const uint16_t ports[] = {5353, 5353, 40000, 1900};
	bool v4 = flip(g);
	const struct host *group = v4 ? MDNS : &mdns6, *local = pick_local(g, v4);
	const struct host *remote = pick_remote(g, v4);
	uint16_t port = PICK(g->random, ports), from = PICK(g->random, ports);

	switch (random_below(g->random, 4)) {
	case 0:
		emit(g, DIRECTION_OUT, udp(local, group, port, from, .payload = 20));
		break;
	case 1:
		emit(g, DIRECTION_IN, udp(remote, group, from, port, .payload = 20));
		break;
	case 2:
		emit(g, DIRECTION_IN, udp(remote, local, from, port, .payload = 20));
		break;
	default:
		emit(g, DIRECTION_OUT, udp(local, group, 5353, 5353, .payload = 20));
		break;
	}
}

static void emit_ethernet(struct generator *g)
{
	static const uint16_t types[] = {0x88cc, ETH_P_PPP_SES, 0x0600, 0x05ff, 38, 0x9100, 0x9000};
	uint16_t type = PICK(g->random, types);
	size_t size = 20 + random_below(g->random, 40);

	if (one_in(g->random, 4))
		EMIT_EITHER(g, bpdu(VM), bpdu(ROUTER));
	else
		EMIT_EITHER(g, ethernet(VM, ROUTER, type, size), ethernet(ROUTER, VM, type, size));
}

void emit_other(struct generator *g)
{
	static void (*const kinds[])(struct generator *) = {
		emit_udp,       emit_udp,           emit_udp,   emit_sctp,  emit_raw,
		emit_icmp,      emit_icmp,          emit_error, emit_error, emit_arp,
		emit_discovery, emit_configuration, emit_group, emit_group, emit_ethernet,
	};

	PICK(g->random, kinds)(g);
}

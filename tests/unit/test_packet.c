/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet builder itself: lengths and checksums as a receiver would check them, and fragments
 * that make up the whole again. */
#include <netinet/in.h>

#include "hostd/base/cleanup.h"
#include "tests/harness/packet.h"
#include "tests/harness/test.h"

static uint16_t read16(const struct packet *packet, size_t at)
{
	return packet->bytes[at] << 8 | packet->bytes[at + 1];
}

/* RFC 1071: 0xffff over everything that a right checksum covers, itself included. */
static uint32_t sum(const struct packet *packet, size_t from, size_t to, uint32_t start)
{
	uint32_t total = start;

	for (size_t i = from; i < to; i++)
		total += i % 2 == from % 2 ? packet->bytes[i] << 8 : packet->bytes[i];
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static void check_ipv4(const struct packet *packet)
{
	assert_int_equal(read16(packet, 12), 0x0800);
	assert_int_equal(read16(packet, 16), packet->length - 14);
	assert_int_equal(sum(packet, 14, 14 + (packet->bytes[14] & 15) * 4, 0), 0xffff);
}

static void check_transport(const struct packet *packet, uint8_t protocol)
{
	bool v4 = packet->bytes[packet->network] >> 4 == 4;
	size_t addresses = packet->network + (v4 ? 12 : 8);
	uint32_t pseudo = sum(packet, addresses, addresses + (v4 ? 8 : 32),
			      protocol + packet->length - packet->transport);

	assert_int_equal(sum(packet, packet->transport, packet->length, pseudo), 0xffff);
}

static void lengths_and_checksums_are_right(void **state)
{
	const struct packet v4[] = {
		tcp(VM, WEB, 40000, 80, SYN, .options = BYTES(MSS(1460), SCALE(7)), .payload = 7),
		with_ip_options(BYTES(1, 1, 1, 1, 1), tcp(VM, WEB, 40000, 80, SYN)),
	};
	const struct packet v6 = with_hop_by_hop(udp(VM6, WEB6, 1, 2, .payload = 33));
	const struct packet nd = neighbor_solicitation(VM6, ROUTER6);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v4); i++) {
		check_ipv4(&v4[i]);
		check_transport(&v4[i], IPPROTO_TCP);
	}
	assert_int_equal(read16(&v6, 18), v6.length - 54);
	assert_int_equal(read16(&v6, v6.transport + 4), 8 + 33);
	check_transport(&v6, IPPROTO_UDP);
	check_transport(&nd, IPPROTO_ICMPV6);
}

static void the_header_chain_leads_to_the_transport(void **state)
{
	const struct packet packet = with_hop_by_hop(
		with_routing(4,
			     with_authentication(with_destination_options(udp(VM6, WEB6, 1, 2)))));
	static const uint8_t kinds[] = {IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_AH,
					IPPROTO_DSTOPTS};
	size_t at = 54;
	uint8_t next = packet.bytes[20];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		uint8_t units = packet.bytes[at + 1];

		assert_int_equal(next, kinds[i]);
		next = packet.bytes[at];
		at += kinds[i] == IPPROTO_AH ? (units + 2) * 4 : (units + 1) * 8;
	}
	assert_int_equal(next, IPPROTO_UDP);
	assert_int_equal(at, packet.transport);
}

static void fragments_make_up_the_whole(void **state)
{
	const struct packet whole = udp(VM, WEB, 1, 2, .payload = 192);
	const struct packet first = fragment(7, 0, 96, whole), last = fragment(7, 96, 0, whole);

	(void)state;
	check_ipv4(&first);
	check_ipv4(&last);
	assert_int_equal(read16(&first, 20), 0x2000);
	assert_int_equal(read16(&last, 20), 96 / 8);
	assert_int_equal(first.length + last.length, whole.length + 34);
	assert_memory_equal(first.bytes + 34, whole.bytes + 34, 96);
	assert_memory_equal(last.bytes + 34, whole.bytes + 34 + 96, whole.length - 34 - 96);
}

static void tags_and_snap_keep_what_is_inside(void **state)
{
	const struct packet plain = udp(VM, WEB, 1, 2), tagged = in_vlan(10, plain);
	const struct packet snap = in_snap(plain);

	(void)state;
	assert_int_equal(read16(&tagged, 12), 0x8100);
	assert_int_equal(read16(&tagged, 14), 10);
	assert_memory_equal(tagged.bytes + 16, plain.bytes + 12, plain.length - 12);
	assert_int_equal(tagged.network, plain.network + 4);
	assert_int_equal(read16(&snap, 12), snap.length - 14);
	assert_memory_equal(snap.bytes + 20, plain.bytes + 12, plain.length - 12);
	assert_int_equal(snap.transport, plain.transport + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_and_checksums_are_right),
		cmocka_unit_test(the_header_chain_leads_to_the_transport),
		cmocka_unit_test(fragments_make_up_the_whole),
		cmocka_unit_test(tags_and_snap_keep_what_is_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

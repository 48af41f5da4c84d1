/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fragments: the first has the ports and is judged; the others follow it or are dropped.
 */
#include "tests/bpf/bpf_test.h"

#include <netinet/in.h>

/* The datagram that is cut up: 8 bytes of UDP and 192 of payload. */
static struct packet datagram(int family)
{
	return family == 4 ? udp(VM, WEB, 40000, 53, .payload = 192)
			   : udp(VM6, WEB6, 40000, 53, .payload = 192);
}

static struct packet answer(int family)
{
	return family == 4 ? udp(WEB, VM, 53, 40000, .payload = 192)
			   : udp(WEB6, VM6, 53, 40000, .payload = 192);
}

static const int families[] = {4, 6};

static void fragments_follow_the_first(void **state)
{
	struct rig_port *port = *state;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct packet whole = datagram(families[i]), back = answer(families[i]);

		expect_pass(port, OUT, fragment(77, 0, 96, whole), NEW);
		expect_pass(port, OUT, fragment(77, 96, 48, whole), FRAGMENT_FOLLOWS);
		expect_pass(port, OUT, fragment(77, 144, 0, whole), FRAGMENT_FOLLOWS);
		/* In any order behind the first. */
		expect_pass(port, IN, fragment(78, 0, 96, back), ESTABLISHED);
		expect_pass(port, IN, fragment(78, 144, 0, back), FRAGMENT_FOLLOWS);
		expect_pass(port, IN, fragment(78, 96, 48, back), FRAGMENT_FOLLOWS);
	}
	assert_int_equal(count_sessions(port), 2);
}

static void without_the_first_none_passes(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct packet whole = datagram(families[i]), back = answer(families[i]);

		expect_drop(port, OUT, fragment(77, 96, 0, whole), FRAGMENT);
		expect_drop(port, IN, fragment(77, 96, 0, back), FRAGMENT);
	}
}

static void fragments_follow_no_other_datagram(void **state)
{
	struct rig_port *port = *state, *other = sibling(port, 1);
	struct packet whole = datagram(4), whole6 = datagram(6);

	set_defaults(port, true, true);
	set_defaults(other, true, true);
	expect_pass(port, OUT, fragment(77, 0, 96, whole), NEW);
	expect_drop(port, OUT, fragment(78, 96, 0, whole), FRAGMENT);
	expect_drop(port, OUT, fragment(77, 96, 0, udp(VM, CLIENT, 40000, 53, .payload = 192)),
		    FRAGMENT);
	expect_drop(port, OUT, fragment(77, 96, 0, ip(VM, WEB, IPPROTO_TCP, 200)), FRAGMENT);
	expect_drop(port, IN, fragment(77, 96, 0, answer(4)), FRAGMENT);
	expect_drop(port, OUT, fragment(77, 96, 0, whole6), FRAGMENT);
	expect_drop(other, OUT, fragment(77, 96, 0, whole), FRAGMENT);
	expect_pass(port, OUT, fragment(77, 96, 0, whole), FRAGMENT_FOLLOWS);

	/* IPv6 identifies a datagram without its protocol (RFC 8200, 4.5). */
	expect_pass(port, OUT, fragment(90, 0, 96, whole6), NEW);
	expect_drop(port, OUT, fragment(91, 96, 0, whole6), FRAGMENT);
	expect_pass(port, OUT, fragment(90, 96, 0, whole6), FRAGMENT_FOLLOWS);
}

static void fragments_of_a_denied_datagram_are_dropped(void **state)
{
	struct rig_port *port = *state;
	struct packet v4 = udp(CLIENT, VM, 40000, 53, .payload = 192);
	struct packet v6 = udp(CLIENT6, VM6, 40000, 53, .payload = 192);

	expect_drop(port, IN, fragment(77, 0, 96, v4), POLICY);
	expect_drop(port, IN, fragment(77, 96, 0, v4), FRAGMENT);
	expect_drop(port, IN, fragment(77, 0, 96, v6), POLICY);
	expect_drop(port, IN, fragment(77, 96, 0, v6), FRAGMENT);
}

/* RFC 1858 and RFC 5722: a later fragment that reaches back into the first replaces what was
 * judged. */
static void fragments_must_not_reach_back_into_the_first(void **state)
{
	struct rig_port *port = *state;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct packet whole = datagram(families[i]);

		expect_pass(port, OUT, fragment(77, 0, 96, whole), NEW);
		expect_drop(port, OUT, fragment(77, 8, 96, whole), FRAGMENT);
		expect_drop(port, OUT, fragment(77, 88, 0, whole), FRAGMENT);
		expect_pass(port, OUT, fragment(77, 96, 0, whole), FRAGMENT_FOLLOWS);
	}
}

static void a_first_fragment_has_its_whole_header(void **state)
{
	struct rig_port *port = *state;
	struct packet syn =
		tcp(VM, WEB, 40000, 80, SYN, .options = BYTES(MSS(1460)), .payload = 40);
	struct packet syn6 =
		tcp(VM6, WEB6, 40000, 80, SYN, .options = BYTES(MSS(1460)), .payload = 40);

	expect_drop(port, OUT, fragment(77, 0, 8, syn), FRAGMENT_TINY);
	expect_drop(port, OUT, fragment(77, 0, 16, syn), FRAGMENT_TINY);
	expect_drop(port, OUT, fragment(77, 0, 8, syn6), FRAGMENT_TINY);
	expect_drop(port, OUT, fragment(77, 8, 0, syn), FRAGMENT);
	expect_pass(port, OUT, fragment(77, 0, 24, syn), NEW);
	expect_pass(port, OUT, fragment(77, 24, 0, syn), FRAGMENT_FOLLOWS);
	expect_pass(port, OUT, fragment(77, 0, 24, syn6), NEW);
	expect_pass(port, OUT, fragment(77, 24, 0, syn6), FRAGMENT_FOLLOWS);
}

/* "Ping of death": a datagram that its own length field could not describe. */
static void fragments_must_end_within_a_datagram(void **state)
{
	struct rig_port *port = *state;
	struct packet whole = datagram(4), whole6 = datagram(6);
	struct packet last = fragment(77, 96, 0, whole), last6 = fragment(77, 96, 0, whole6);

	expect_pass(port, OUT, fragment(77, 0, 96, whole), NEW);
	expect_pass(port, OUT, set16(IPV4_FRAGMENT, 65424 / 8, last), FRAGMENT_FOLLOWS);
	expect_drop(port, OUT, set16(IPV4_FRAGMENT, 65432 / 8, last), BAD_LENGTH);
	expect_drop(port, OUT, set16(IPV4_FRAGMENT, 65528 / 8, last), BAD_LENGTH);
	expect_pass(port, OUT, fragment(77, 0, 96, whole6), NEW);
	expect_pass(port, OUT, set16(NETWORK(42), 65424, last6), FRAGMENT_FOLLOWS);
	expect_drop(port, OUT, set16(NETWORK(42), 65432, last6), BAD_LENGTH);
}

static void later_fragments_are_guarded_too(void **state)
{
	struct rig_port *port = *state;
	struct packet whole = datagram(4), forged = udp(INTRUDER, WEB, 40000, 53, .payload = 192);

	expect_pass(port, OUT, fragment(77, 0, 96, whole), NEW);
	expect_drop(port, OUT, sent_by(INTRUDER, fragment(77, 96, 0, whole)), GUARD_MAC);
	expect_drop(port, OUT, sent_by(VM, fragment(77, 96, 0, forged)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, fragment(77, 0, 96, forged)), GUARD_IP);
}

static void later_fragments_hide_no_extension_headers(void **state)
{
	struct rig_port *port = *state;
	struct packet whole = with_destination_options(datagram(6));

	expect_pass(port, OUT, fragment(77, 0, 96, whole), NEW);
	/* The first one ends where its extension headers and its data end. */
	expect_drop(port, OUT, fragment(77, 88, 0, whole), FRAGMENT);
	expect_pass(port, OUT, fragment(77, 96, 0, whole), FRAGMENT_FOLLOWS);
	expect_pass(port, OUT, with_hop_by_hop(fragment(78, 0, 96, whole)), ESTABLISHED);
	expect_pass(port, OUT, with_hop_by_hop(fragment(78, 96, 0, whole)), FRAGMENT_FOLLOWS);
}

/* RFC 6946: a fragment header on a whole packet. */
static void atomic_fragments_are_whole_packets(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, fragment(77, 0, 0, datagram(6)), NEW);
	expect_pass(port, IN, fragment(78, 0, 0, answer(6)), ESTABLISHED);
	expect_drop(port, OUT, fragment(77, 96, 0, datagram(6)), FRAGMENT);
}

static void a_fragmented_ping_passes(void **state)
{
	struct rig_port *port = *state;
	struct packet ping = echo_request(VM, WEB, 7), ping6 = echo_request(VM6, WEB6, 7);

	expect_pass(port, OUT, fragment(77, 0, 32, ping), NEW);
	expect_pass(port, OUT, fragment(77, 32, 0, ping), FRAGMENT_FOLLOWS);
	expect_pass(port, OUT, fragment(77, 0, 32, ping6), NEW);
	expect_pass(port, OUT, fragment(77, 32, 0, ping6), FRAGMENT_FOLLOWS);
}

/* RFC 7112 */
static void a_first_fragment_has_all_extension_headers(void **state)
{
	struct rig_port *port = *state;
	struct packet whole = with_destination_options(datagram(6));

	expect_drop(port, OUT, fragment(77, 0, 8, whole), FRAGMENT_TINY);
	expect_drop(port, OUT, fragment(77, 0, 16, whole), FRAGMENT_TINY);
	expect_pass(port, OUT, fragment(77, 0, 24, whole), NEW);
}

static void fragments_to_a_group_follow(void **state)
{
	struct rig_port *port = *state;
	struct packet whole = udp(VM, MDNS, 5353, 5353, .payload = 192);
	struct packet back = udp(CLIENT, MDNS, 5353, 5353, .payload = 192);

	expect_pass(port, OUT, fragment(77, 0, 96, whole), NEW);
	expect_pass(port, OUT, fragment(77, 96, 0, whole), FRAGMENT_FOLLOWS);
	/* Answers are related, and follow as well. */
	expect_pass(port, IN, fragment(78, 0, 96, back), RELATED);
	expect_pass(port, IN, fragment(78, 96, 0, back), FRAGMENT_FOLLOWS);
}

static void fragments_of_an_error_follow(void **state)
{
	struct rig_port *port = *state;
	struct packet error;

	expect_pass(port, OUT, datagram(4), NEW);
	error = unreachable(ROUTER, VM, datagram(4));
	expect_pass(port, IN, fragment(77, 0, 96, error), RELATED);
	expect_pass(port, IN, fragment(77, 96, 0, error), FRAGMENT_FOLLOWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(fragments_follow_the_first),
		rig_test(without_the_first_none_passes),
		rig_test(fragments_follow_no_other_datagram),
		rig_test(fragments_of_a_denied_datagram_are_dropped),
		rig_test(fragments_must_not_reach_back_into_the_first),
		rig_test(a_first_fragment_has_its_whole_header),
		rig_test(fragments_must_end_within_a_datagram),
		rig_test(later_fragments_are_guarded_too),
		rig_test(later_fragments_hide_no_extension_headers),
		rig_test(atomic_fragments_are_whole_packets),
		rig_test(a_fragmented_ping_passes),
		rig_test(a_first_fragment_has_all_extension_headers),
		rig_test(fragments_to_a_group_follow),
		rig_test(fragments_of_an_error_follow),
	};

	return run_rig_tests(tests);
}

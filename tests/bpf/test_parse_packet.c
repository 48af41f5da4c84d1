/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parsing: what is well formed goes on to the policy (which allows all here), what is not is
 * dropped, each fault with its own reason.
 */
#include "hostd/datapath/queries/names.h"
#include "tests/bpf/bpf_test.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

static struct rig_port *open_port(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	return port;
}

/* ---- Ethernet ------------------------------------------------------------------------------- */

static void unknown_ethertypes_are_dropped_in_both_directions(void **state)
{
	struct rig_port *port = open_port(state);

	expect_drop(port, OUT, ethernet(VM, ROUTER, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	expect_drop(port, IN, ethernet(ROUTER, VM, 0x88cc, 46), GUARD_OTHER_ETHERTYPES);
	expect_drop(port, OUT, ethernet(VM, ROUTER, ETH_P_PPP_SES, 46), GUARD_OTHER_ETHERTYPES);
	expect_drop(port, OUT, bpdu(VM), GUARD_OTHER_ETHERTYPES);
	expect_drop(port, IN, bpdu(ROUTER), GUARD_OTHER_ETHERTYPES);
}

static void other_ethertypes_pass_where_the_policy_lets_them(void **state)
{
	struct rig_port *port = open_port(state);

	port->record.guards &= ~GUARD_OTHER_ETHERTYPES;
	publish_port(port);
	expect_pass(port, OUT, ethernet(VM, ROUTER, 0x88cc, 46), OTHER_ETHERTYPES);
	expect_pass(port, IN, ethernet(ROUTER, VM, 0x88cc, 46), OTHER_ETHERTYPES);
	expect_pass(port, OUT, bpdu(VM), OTHER_ETHERTYPES);
	expect_drop(port, OUT, sent_by(INTRUDER, bpdu(VM)), GUARD_MAC);
}

static void padding_behind_ip_is_nothing_special(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, padded(6, tcp(VM, WEB, 40000, 80, SYN)), NEW);
	expect_pass(port, OUT, padded(18, udp(VM6, WEB6, 40000, 53)), NEW);
}

/* CVE-2021-27861: an IP packet in LLC/SNAP is an IP packet for its receiver. */
static void ip_in_snap_is_judged_as_ip(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, in_snap(tcp(VM, WEB, 40000, 80, SYN)), NEW);
	expect_pass(port, OUT, tcp(VM, WEB, 40000, 80, SYN), ESTABLISHED);
	expect_drop(port, OUT, in_snap(sent_by(VM, udp(INTRUDER, WEB, 1, 2))), GUARD_IP);
	expect_drop(port, OUT, in_snap(arp(ARP_REPLY, INTRUDER, ROUTER)), GUARD_MAC);
	expect_drop(port, OUT, in_snap(sent_by(VM, arp(ARP_REPLY, INTRUDER, ROUTER))), GUARD_ARP);
	expect_drop(port, OUT, in_snap(router_advertisement(VM_LINK)), GUARD_ROUTER_ADVERTISEMENT);
	set_defaults(port, true, false);
	expect_drop(port, OUT, in_snap(udp(VM6, WEB6, 40000, 53)), POLICY);
}

/* CVE-2021-27853: a tag behind LLC/SNAP hides what follows from those who do not look for it. */
static void a_tag_inside_snap_is_never_let_through(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet hidden = in_snap(ethernet(VM, ROUTER, ETH_P_8021Q, 46));

	expect_drop(port, OUT, hidden, VLAN_TAGS);
	port->record.guards &= ~(GUARD_VLAN | GUARD_OTHER_ETHERTYPES);
	publish_port(port);
	expect_drop(port, OUT, hidden, VLAN_TAGS);
}

/* ---- cut short ------------------------------------------------------------------------------ */

/* BPF_PROG_TEST_RUN refuses frames that say IP and end inside its header; it does not look behind
 * a priority tag. */
static struct packet cut_behind_tag(int place, struct packet packet)
{
	return cut_at(place, in_vlan(0, packet));
}

static void frames_that_end_inside_a_header_are_dropped(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet v4 = tcp(VM, WEB, 40000, 80, SYN), v6 = tcp(VM6, WEB6, 40000, 80, SYN);

	expect_drop(port, OUT, cut_behind_tag(NETWORK(1), v4), TRUNCATED);
	expect_drop(port, OUT, cut_behind_tag(NETWORK(19), v4), TRUNCATED);
	expect_drop(port, OUT, cut_behind_tag(NETWORK(1), v6), TRUNCATED);
	expect_drop(port, OUT, cut_behind_tag(NETWORK(39), v6), TRUNCATED);
	expect_drop(port, OUT, cut_at(NETWORK(27), arp(ARP_REQUEST, VM, ROUTER)), TRUNCATED);
	expect_drop(port, IN, cut_at(NETWORK(8), arp(ARP_REQUEST, ROUTER, VM)), TRUNCATED);
	expect_drop(port, OUT, cut_at(FRAME(16), in_vlan(0, v4)), TRUNCATED);
}

/* Every length of a good frame that is shorter than what its headers say: none may pass. */
static void no_cut_frame_passes(void **state)
{
	struct rig_port *port = open_port(state);
	const struct packet frames[] = {
		tcp(VM, WEB, 40000, 80, SYN, .options = BYTES(MSS(1460), SCALE(7))),
		tcp(VM6, WEB6, 40000, 80, SYN, .options = BYTES(MSS(1440), SCALE(7))),
		udp(VM, WEB, 40000, 53, .payload = 12),
		with_hop_by_hop(with_destination_options(udp(VM6, WEB6, 40000, 53, .payload = 8))),
		echo_request(VM, WEB, 7),
		neighbor_solicitation(VM6, ROUTER6),
		sctp(VM, WEB, 1000, 2000, SCTP_INIT),
		arp(ARP_REQUEST, VM, ROUTER),
		in_snap(udp(VM, WEB, 40000, 53)),
	};

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		for (int length = ETH_HLEN + 1; length < frames[i].length + 4; length++) {
			struct packet cut = cut_behind_tag(FRAME(length), frames[i]);
			struct dry_run dry = dry_run_frame(port, OUT, &cut);

			if (run_frame(port, OUT, &cut) != TC_ACT_SHOT)
				fail_msg("frame %zu passed at %d bytes", i, length);
			/* Of a cut SNAP header is left LLC of an unknown kind. */
			if (dry.reason != REASON_TRUNCATED && dry.reason != REASON_BAD_LENGTH &&
			    dry.reason != REASON_GUARD_OTHER_ETHERTYPES)
				fail_msg("frame %zu at %d bytes: %s", i, length,
					 reason_name(dry.reason));
		}
	}
	assert_int_equal(count_sessions(port), 0);
}

/* ---- lengths that contradict each other ----------------------------------------------------- */

static void ipv4_lengths_must_agree(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet good = udp(VM, WEB, 40000, 53, .payload = 20);

	expect_drop(port, OUT, set16(IPV4_TOTAL_LENGTH, 49, good), BAD_LENGTH);
	expect_drop(port, OUT, set16(IPV4_TOTAL_LENGTH, 19, good), BAD_LENGTH);
	expect_drop(port, OUT, set16(IPV4_TOTAL_LENGTH, 27, good), BAD_LENGTH);
	/* A header of 60 bytes in a packet of 48. */
	expect_drop(port, OUT, set8(IPV4_VERSION_LENGTH, 0x4f, good), BAD_LENGTH);
	expect_pass(port, OUT, good, NEW);
}

static void ipv6_lengths_must_agree(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet good = udp(VM6, WEB6, 40000, 53, .payload = 20);

	expect_drop(port, OUT, set16(IPV6_PAYLOAD_LENGTH, 29, good), BAD_LENGTH);
	expect_drop(port, OUT, set16(IPV6_PAYLOAD_LENGTH, 7, good), BAD_LENGTH);
	/* Jumbograms (RFC 2675) are not let through. */
	expect_drop(port, OUT, set16(IPV6_PAYLOAD_LENGTH, 0, good), BAD_LENGTH);
	expect_pass(port, OUT, good, NEW);
}

static void udp_length_must_agree(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet v4 = udp(VM, WEB, 40000, 53, .payload = 20);
	struct packet v6 = udp(VM6, WEB6, 40000, 53, .payload = 20);

	expect_drop(port, OUT, set16(UDP_LENGTH, 7, v4), BAD_LENGTH);
	expect_drop(port, OUT, set16(UDP_LENGTH, 29, v4), BAD_LENGTH);
	expect_drop(port, OUT, set16(UDP_LENGTH, 7, v6), BAD_LENGTH);
	expect_drop(port, OUT, set16(UDP_LENGTH, 29, v6), BAD_LENGTH);
	expect_drop(port, OUT, set16(UDP_LENGTH, 0, v6), BAD_LENGTH);
	expect_pass(port, OUT, v4, NEW);
	expect_pass(port, OUT, v6, NEW);
}

/* Beyond 64 KiB ("BIG TCP") a coalesced packet has no room for its length and says 0. */
static void coalesced_packets_may_have_no_length(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet v4 = tcp(VM, WEB, 40000, 80, SYN);
	struct packet v6 = udp(VM6, WEB6, 40000, 53, .payload = 1000);

	expect_drop(port, OUT, set16(IPV4_TOTAL_LENGTH, 0, v4), BAD_LENGTH);
	expect_pass(port, OUT, coalesced(500, set16(IPV4_TOTAL_LENGTH, 0, v4)), NEW);
	expect_drop(port, OUT, set16(IPV6_PAYLOAD_LENGTH, 0, v6), BAD_LENGTH);
	expect_pass(port, OUT, coalesced(500, set16(IPV6_PAYLOAD_LENGTH, 0, v6)), NEW);
	expect_drop(port, OUT, coalesced(500, set16(IPV6_PAYLOAD_LENGTH, 2000, v6)), BAD_LENGTH);
}

static void transport_headers_must_fit(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet good = tcp(VM, WEB, 40000, 80, SYN, .options = BYTES(MSS(1460)));

	expect_drop(port, OUT, set8(TCP_DATA_OFFSET, 7 << 4, good), BAD_LENGTH);
	expect_drop(port, OUT, set8(TCP_DATA_OFFSET, 15 << 4, good), BAD_LENGTH);
	expect_drop(port, OUT, ip(VM, WEB, IPPROTO_TCP, 19), BAD_LENGTH);
	expect_drop(port, OUT, ip(VM6, WEB6, IPPROTO_UDP, 7), BAD_LENGTH);
	expect_drop(port, OUT, ip(VM, WEB, IPPROTO_ICMP, 7), BAD_LENGTH);
	expect_drop(port, OUT, ip(VM6, WEB6, IPPROTO_ICMPV6, 0), BAD_LENGTH);
	expect_drop(port, OUT, ip(VM, WEB, IPPROTO_SCTP, 8), BAD_LENGTH);
	expect_pass(port, OUT, good, NEW);
}

static void extension_headers_must_fit(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet good = with_destination_options(udp(VM6, WEB6, 40000, 53));

	expect_drop(port, OUT, set8(NETWORK(41), 200, good), BAD_LENGTH);
	expect_pass(port, OUT, good, NEW);
}

/* ---- fields that no stack accepts ----------------------------------------------------------- */

static void impossible_fields_are_dropped(void **state)
{
	struct rig_port *port = open_port(state);

	expect_drop(port, OUT, set8(IPV4_VERSION_LENGTH, 0x55, udp(VM, WEB, 1, 2)), BAD_HEADER);
	expect_drop(port, OUT, set8(IPV4_VERSION_LENGTH, 0x65, udp(VM, WEB, 1, 2)), BAD_HEADER);
	expect_drop(port, OUT, set8(IPV4_VERSION_LENGTH, 0x44, udp(VM, WEB, 1, 2)), BAD_HEADER);
	expect_drop(port, OUT, set8(IPV6_VERSION_CLASS, 0x45, udp(VM6, WEB6, 1, 2)), BAD_HEADER);
	expect_drop(port, OUT, set8(TCP_DATA_OFFSET, 4 << 4, tcp(VM, WEB, 1, 2, SYN)), BAD_HEADER);
	expect_drop(port, OUT, ip(VM, WEB, IPPROTO_ICMPV6, 8), BAD_HEADER);
	expect_drop(port, OUT, ip(VM6, WEB6, IPPROTO_ICMP, 8), BAD_HEADER);
	expect_drop(port, OUT, set16(NETWORK(0), 6, arp(ARP_REQUEST, VM, ROUTER)), BAD_HEADER);
	expect_drop(port, OUT, set16(NETWORK(2), ETH_P_IPV6, arp(ARP_REQUEST, VM, ROUTER)),
		    BAD_HEADER);
	expect_drop(port, IN, set8(NETWORK(4), 8, arp(ARP_REQUEST, ROUTER, VM)), BAD_HEADER);
	expect_drop(port, IN, set8(NETWORK(5), 16, arp(ARP_REQUEST, ROUTER, VM)), BAD_HEADER);
}

/* Inside, IPv4 addresses are written as ::ffff:a.b.c.d. On the wire IPv6 has no such addresses
 * (Linux drops them, net/ipv6/ip6_input.c): they must not pass for the IPv4 ones. */
static void ipv4_mapped_addresses_are_not_ipv6(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet fake_source =
		set_bytes(NETWORK(8), VM->address, ADDRESS_BYTES, udp(VM6, WEB6, 40000, 53));
	struct packet fake_both = set_bytes(NETWORK(24), WEB->address, ADDRESS_BYTES, fake_source);
	struct packet fake_answer = set_bytes(NETWORK(8), WEB->address, ADDRESS_BYTES,
					      set_bytes(NETWORK(24), VM->address, ADDRESS_BYTES,
							udp(WEB6, VM6, 53, 40000)));

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_drop(port, OUT, fake_source, BAD_HEADER);
	expect_drop(port, OUT, fake_both, BAD_HEADER);
	expect_drop(port, IN, fake_answer, BAD_HEADER);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

static void tcp_flags_that_open_nothing_are_dropped(void **state)
{
	struct rig_port *port = open_port(state);
	static const uint8_t flags[] = {
		0,
		FIN,
		RST,
		ACK,
		SYN | FIN,
		SYN | RST,
		SYN | ACK,
		FIN | ACK,
		FIN | PSH | URG,
		SYN | FIN | RST | ACK,
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		expect_drop(port, OUT, tcp(VM, WEB, 40000, 80, flags[i]), TCP_STATE);
		expect_drop(port, IN, tcp(CLIENT6, VM6, 40000, 80, flags[i]), TCP_STATE);
	}
	/* Explicit congestion notification is negotiated by SYN, ECE and CWR (RFC 3168, 6.1.1). */
	expect_pass(port, OUT, tcp(VM, WEB, 40000, 80, SYN | ECE | CWR), NEW);
}

/* ---- IPv4 options, IPv6 extension headers --------------------------------------------------- */

static void ipv4_options_do_not_hide_the_ports(void **state)
{
	struct rig_port *port = open_port(state);
	struct bytes alert = BYTES(0x94, 4, 0, 0), longest = {.data = (uint8_t[40]){0}, .size = 40};

	expect_pass(port, OUT, with_ip_options(alert, udp(VM, WEB, 40000, 53)), NEW);
	expect_pass(port, OUT, with_ip_options(longest, udp(VM, WEB, 40000, 53)), ESTABLISHED);
	expect_pass(port, IN, udp(WEB, VM, 53, 40000), ESTABLISHED);
}

static void extension_headers_do_not_hide_the_ports(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet plain = udp(VM6, WEB6, 40000, 53);

	expect_pass(port, OUT, plain, NEW);
	expect_pass(port, OUT, with_hop_by_hop(plain), ESTABLISHED);
	expect_pass(port, OUT, with_destination_options(plain), ESTABLISHED);
	expect_pass(port, OUT, with_routing(4, plain), ESTABLISHED);
	expect_pass(port, OUT, with_authentication(plain), ESTABLISHED);
	expect_pass(port, OUT,
		    with_hop_by_hop(with_destination_options(
			    with_routing(2, with_authentication(with_destination_options(plain))))),
		    ESTABLISHED);
	expect_pass(port, OUT, with_hop_by_hop(fragment(1, 0, 0, plain)), ESTABLISHED);
}

static struct packet many_extensions(int count)
{
	struct packet packet = udp(VM6, WEB6, 40000, 53);

	while (count--)
		packet = with_destination_options(packet);
	return packet;
}

static void too_many_extension_headers_are_dropped(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, many_extensions(8), NEW);
	expect_drop(port, OUT, many_extensions(9), EXTENSION_HEADER);
	expect_drop(port, OUT, many_extensions(20), EXTENSION_HEADER);
}

static void hop_by_hop_options_come_first(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet late = with_destination_options(with_hop_by_hop(udp(VM6, WEB6, 1, 2)));

	expect_drop(port, OUT, late, EXTENSION_HEADER);
	expect_drop(port, OUT, with_hop_by_hop(with_hop_by_hop(udp(VM6, WEB6, 1, 2))),
		    EXTENSION_HEADER);
}

static void a_fragment_header_comes_once(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet once = fragment(1, 0, 16, udp(VM6, WEB6, 1, 2, .payload = 40));

	expect_drop(port, OUT, fragment(2, 0, 16, once), EXTENSION_HEADER);
}

static void routing_header_type_0_is_dropped(void **state)
{
	struct rig_port *port = open_port(state);

	expect_drop(port, OUT, with_routing(0, udp(VM6, WEB6, 1, 2)), ROUTING_HEADER);
	expect_drop(port, IN, with_hop_by_hop(with_routing(0, udp(CLIENT6, VM6, 1, 2))),
		    ROUTING_HEADER);
	expect_pass(port, OUT, with_routing(2, udp(VM6, WEB6, 1, 2)), NEW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(unknown_ethertypes_are_dropped_in_both_directions),
		rig_test(other_ethertypes_pass_where_the_policy_lets_them),
		rig_test(padding_behind_ip_is_nothing_special),
		rig_test(ip_in_snap_is_judged_as_ip),
		rig_test(a_tag_inside_snap_is_never_let_through),
		rig_test(frames_that_end_inside_a_header_are_dropped),
		rig_test(no_cut_frame_passes),
		rig_test(ipv4_lengths_must_agree),
		rig_test(ipv6_lengths_must_agree),
		rig_test(udp_length_must_agree),
		rig_test(coalesced_packets_may_have_no_length),
		rig_test(transport_headers_must_fit),
		rig_test(extension_headers_must_fit),
		rig_test(impossible_fields_are_dropped),
		rig_test(ipv4_mapped_addresses_are_not_ipv6),
		rig_test(tcp_flags_that_open_nothing_are_dropped),
		rig_test(ipv4_options_do_not_hide_the_ports),
		rig_test(extension_headers_do_not_hide_the_ports),
		rig_test(too_many_extension_headers_are_dropped),
		rig_test(hop_by_hop_options_come_first),
		rig_test(a_fragment_header_comes_once),
		rig_test(routing_header_type_0_is_dropped),
	};

	return run_rig_tests(tests);
}

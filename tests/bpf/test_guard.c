/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guards: what a guest may say about who and where it is. They come before any accept, so most of
 * this runs with a policy that allows everything.
 */
#include "tests/bpf/bpf_test.h"

#include <linux/icmp.h>
#include <netinet/in.h>
#include <string.h>

static struct rig_port *open_port(void **state)
{
	struct rig_port *port = *state;

	set_defaults(port, true, true);
	return port;
}

static void switch_off(struct rig_port *port, uint16_t guards)
{
	port->record.guards &= ~guards;
	publish_port(port);
}

/* ---- MAC ------------------------------------------------------------------------------------ */

static void the_source_mac_must_be_the_ports(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_drop(port, OUT, sent_by(INTRUDER, udp(VM, WEB, 40000, 53)), GUARD_MAC);
	expect_drop(port, OUT, sent_by(INTRUDER, udp(VM6, WEB6, 40000, 53)), GUARD_MAC);
	expect_drop(port, OUT, sent_by(INTRUDER, arp(ARP_REQUEST, VM, ROUTER)), GUARD_MAC);
	expect_drop(port, OUT, sent_by(INTRUDER, neighbor_solicitation(VM6, ROUTER6)), GUARD_MAC);
	expect_drop(port, OUT, sent_by(INTRUDER, bpdu(VM)), GUARD_MAC);
}

static void the_source_mac_of_others_is_theirs(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, IN, udp(CLIENT, VM, 40000, 53), NEW);
	expect_pass(port, IN, sent_by(ROUTER, udp(CLIENT6, VM6, 40000, 53)), NEW);
}

static void the_mac_guard_can_be_off(void **state)
{
	struct rig_port *port = open_port(state);

	switch_off(port, GUARD_MAC);
	expect_pass(port, OUT, sent_by(INTRUDER, udp(VM, WEB, 40000, 53)), NEW);
}

/* CVE-2025-52889 and -52890: an accept for live sessions that came before the guards. */
static void live_sessions_are_guarded_too(void **state)
{
	struct rig_port *port = open_port(state);
	struct conversation c = conversation(port, VM, 40000, WEB, 80);

	opens(&c, OUT);
	expect_drop(port, OUT, sent_by(INTRUDER, next_segment(&c, OUT, ACK)), GUARD_MAC);
	says(&c, OUT, ACK, ESTABLISHED);
}

/* ---- IP ------------------------------------------------------------------------------------- */

static void the_source_address_must_be_the_ports(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, tcp(VM, WEB, 40000, 80, SYN), NEW);
	expect_pass(port, OUT, tcp(VM6, WEB6, 40000, 80, SYN), NEW);
	expect_drop(port, OUT, sent_by(VM, tcp(INTRUDER, WEB, 40000, 80, SYN)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, tcp(INTRUDER6, WEB6, 40000, 80, SYN)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, echo_request(INTRUDER, WEB, 1)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, ip(INTRUDER, WEB, IPPROTO_GRE, 20)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, igmp_report(INTRUDER)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, mld_report(INTRUDER6)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, udp(INTRUDER, MDNS, 5353, 5353)), GUARD_IP);
	expect_pass(port, IN, udp(INTRUDER, VM, 40000, 53), NEW);
}

static void special_source_addresses_are_not_the_ports(void **state)
{
	struct rig_port *port = open_port(state);
	static const uint8_t loopback[4] = {127, 0, 0, 1}, group[4] = {224, 0, 0, 1};
	static const uint8_t loopback6[16] = {[15] = 1};

	expect_drop(port, OUT, set_bytes(NETWORK(12), loopback, 4, udp(VM, WEB, 1, 2)), GUARD_IP);
	expect_drop(port, OUT, set_bytes(NETWORK(12), group, 4, udp(VM, WEB, 1, 2)), GUARD_IP);
	expect_drop(port, OUT, set_bytes(NETWORK(8), loopback6, 16, udp(VM6, WEB6, 1, 2)),
		    GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, udp(ALL_NODES, WEB6, 1, 2)), GUARD_IP);
}

/* A remote that sends to an address that is not the port's must not open the way for a guest that
 * answers from it. */
static void answers_are_guarded_too(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, IN, udp(CLIENT, INTRUDER, 40000, 53), NEW);
	expect_drop(port, OUT, sent_by(VM, udp(INTRUDER, CLIENT, 53, 40000)), GUARD_IP);
	expect_pass(port, IN, udp(CLIENT6, INTRUDER6, 40000, 53), NEW);
	expect_drop(port, OUT, sent_by(VM, udp(INTRUDER6, CLIENT6, 53, 40000)), GUARD_IP);
}

static void address_prefixes_are_the_ports_as_a_whole(void **state)
{
	struct rig_port *port = open_port(state);
	struct address_prefix *prefix = &port->record.addresses[port->record.address_count++];
	static const uint8_t first[4] = {10, 8, 0, 0}, last[4] = {10, 8, 0, 15};
	static const uint8_t beyond[4] = {10, 8, 0, 16}, before[4] = {10, 7, 255, 255};

	*prefix = (struct address_prefix){
		.address = {0, 0, htonl(0xffff), htonl(0x0a080000)},
		.mask = {~0U, ~0U, ~0U, htonl(0xfffffff0)},
	};
	publish_port(port);
	expect_pass(port, OUT, set_bytes(NETWORK(12), first, 4, udp(VM, WEB, 1, 2)), NEW);
	expect_pass(port, OUT, set_bytes(NETWORK(12), last, 4, udp(VM, WEB, 1, 2)), NEW);
	expect_drop(port, OUT, set_bytes(NETWORK(12), beyond, 4, udp(VM, WEB, 1, 2)), GUARD_IP);
	expect_drop(port, OUT, set_bytes(NETWORK(12), before, 4, udp(VM, WEB, 1, 2)), GUARD_IP);
}

static void all_addresses_of_a_full_list_are_the_ports(void **state)
{
	struct rig_port *port = open_port(state);

	for (uint32_t i = port->record.address_count; i < PORT_ADDRESSES_MAX; i++) {
		struct address_prefix *prefix = &port->record.addresses[i];

		prefix->address[2] = htonl(0xffff);
		prefix->address[3] = htonl(0x0a000100 + i);
		memset(prefix->mask, 0xff, sizeof(prefix->mask));
	}
	port->record.address_count = PORT_ADDRESSES_MAX;
	publish_port(port);
	expect_pass(port, OUT, set8(NETWORK(15), 15, set8(NETWORK(14), 1, udp(VM, WEB, 1, 2))),
		    NEW);
	expect_drop(port, OUT, set8(NETWORK(15), 16, set8(NETWORK(14), 1, udp(VM, WEB, 1, 2))),
		    GUARD_IP);
}

static void the_ip_guard_acts_once_addresses_are_known(void **state)
{
	struct rig_port *port = open_port(state);

	port->record.address_count = 0;
	publish_port(port);
	expect_pass(port, OUT, sent_by(VM, udp(INTRUDER, WEB, 40000, 53)), NEW);
	expect_pass(port, OUT, sent_by(VM, udp(INTRUDER6, WEB6, 40000, 53)), NEW);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
}

static void the_ip_guard_can_be_off(void **state)
{
	struct rig_port *port = open_port(state);

	switch_off(port, GUARD_IP);
	expect_pass(port, OUT, sent_by(VM, udp(INTRUDER, WEB, 40000, 53)), NEW);
}

/* An address that is taken away is no longer the port's, also for the sessions it has. */
static void a_lost_address_ends_the_right_to_use_it(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), ESTABLISHED);
	port->record.addresses[0].address[3] = htonl(0x0a000063);
	publish_port(port);
	expect_drop(port, OUT, udp(VM, WEB, 40000, 53), GUARD_IP);
	expect_pass(port, OUT, udp(VM6, WEB6, 40000, 53), NEW);
}

/* ---- ARP ------------------------------------------------------------------------------------ */

static void arp_of_the_ports_own_address_passes(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, arp(ARP_REQUEST, VM, ROUTER), ARP);
	expect_pass(port, OUT, arp(ARP_REPLY, VM, ROUTER), ARP);
	expect_pass(port, OUT, arp(ARP_REQUEST, VM, VM), ARP);
	expect_pass(port, OUT, arp_probe(VM, VM), ARP);
	expect_pass(port, OUT, rarp_announce(VM), ARP);
	expect_pass(port, IN, arp(ARP_REQUEST, ROUTER, VM), ARP);
	expect_pass(port, IN, arp(ARP_REPLY, ROUTER, VM), ARP);
}

static void arp_for_others_is_dropped(void **state)
{
	struct rig_port *port = *state;
	struct packet own = arp(ARP_REPLY, VM, ROUTER);

	expect_drop(port, OUT, sent_by(VM, arp(ARP_REPLY, INTRUDER, ROUTER)), GUARD_ARP);
	expect_drop(port, OUT, sent_by(VM, arp(ARP_REQUEST, INTRUDER, ROUTER)), GUARD_ARP);
	/* The right address with another MAC, and the right MAC with another address. */
	expect_drop(port, OUT, set_bytes(NETWORK(8), INTRUDER->mac, 6, own), GUARD_ARP);
	expect_drop(port, OUT, set_bytes(NETWORK(14), ROUTER->address + 12, 4, own), GUARD_ARP);
	/* An announcement of the router's address. */
	expect_drop(port, OUT, sent_by(VM, arp(ARP_REQUEST, ROUTER, ROUTER)), GUARD_ARP);
	/* A probe asks; a reply without an address only poisons. */
	expect_drop(port, OUT, set_bytes(NETWORK(14), NOBODY->address + 12, 4, own), GUARD_ARP);
	expect_drop(port, OUT, sent_by(VM, arp_probe(INTRUDER, VM)), GUARD_ARP);
	expect_drop(port, OUT, sent_by(VM, rarp_announce(INTRUDER)), GUARD_ARP);
}

static void the_arp_guard_can_be_off(void **state)
{
	struct rig_port *port = *state;

	switch_off(port, GUARD_ARP);
	expect_pass(port, OUT, sent_by(VM, arp(ARP_REPLY, INTRUDER, ROUTER)), ARP);
}

/* ---- neighbor discovery --------------------------------------------------------------------- */

static void discovery_of_the_ports_own_addresses_passes(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, neighbor_solicitation(VM6, ROUTER6), ND);
	expect_pass(port, OUT, neighbor_solicitation(VM_LINK, ROUTER_LINK), ND);
	expect_pass(port, OUT, neighbor_advertisement(VM6, ROUTER6, VM6), ND);
	expect_pass(port, OUT, neighbor_advertisement(VM_LINK, ALL_NODES, VM_LINK), ND);
	expect_pass(port, OUT, neighbor_advertisement(VM_LINK, ROUTER_LINK, VM6), ND);
	expect_pass(port, OUT, neighbor_solicitation(NOBODY6, VM6), ND);
	expect_pass(port, OUT, router_solicitation(VM_LINK), ND);
	expect_pass(port, IN, neighbor_solicitation(ROUTER6, VM6), ND);
	expect_pass(port, IN, neighbor_advertisement(ROUTER6, VM6, ROUTER6), ND);
	expect_pass(port, IN, router_advertisement(ROUTER_LINK), ND);
	expect_pass(port, IN, redirect(ROUTER_LINK, VM6, ROUTER_LINK), ND);
}

static void discovery_for_others_is_dropped(void **state)
{
	struct rig_port *port = *state;

	expect_drop(port, OUT, neighbor_advertisement(VM6, ROUTER6, ROUTER6), GUARD_ND);
	expect_drop(port, OUT, neighbor_advertisement(VM6, ALL_NODES, INTRUDER6), GUARD_ND);
	/* Duplicate address detection claims its target. */
	expect_drop(port, OUT, neighbor_solicitation(NOBODY6, ROUTER6), GUARD_ND);
	/* Own address, someone else's MAC in the option. */
	expect_drop(port, OUT,
		    set_bytes(TRANSPORT(26), INTRUDER->mac, 6,
			      neighbor_advertisement(VM6, ROUTER6, VM6)),
		    GUARD_ND);
	expect_drop(port, OUT,
		    set_bytes(TRANSPORT(26), INTRUDER->mac, 6, neighbor_solicitation(VM6, ROUTER6)),
		    GUARD_ND);
	expect_drop(port, OUT,
		    set_bytes(TRANSPORT(10), INTRUDER->mac, 6, router_solicitation(VM_LINK)),
		    GUARD_ND);
	/* Someone else's source address. */
	expect_drop(port, OUT, sent_by(VM, neighbor_solicitation(INTRUDER6, VM6)), GUARD_IP);
	expect_drop(port, OUT, sent_by(VM, neighbor_advertisement(INTRUDER6, VM6, VM6)), GUARD_IP);
}

/* What the guard cannot read a receiver may. */
static void discovery_that_cannot_be_read_is_dropped(void **state)
{
	struct rig_port *port = *state;
	struct packet good = neighbor_advertisement(VM6, ROUTER6, VM6);

	expect_drop(port, OUT, set8(TRANSPORT(25), 0, good), GUARD_ND);
	expect_drop(port, OUT, set8(TRANSPORT(25), 2, good), GUARD_ND);
	expect_drop(port, OUT, set8(NETWORK(7), 254, good), GUARD_ND);
	/* RFC 6980 */
	expect_drop(port, OUT, fragment(1, 0, 24, good), GUARD_ND);
	expect_drop(port, IN, set8(NETWORK(7), 64, neighbor_solicitation(ROUTER6, VM6)), GUARD_ND);
}

static void the_nd_guard_can_be_off(void **state)
{
	struct rig_port *port = *state;

	switch_off(port, GUARD_ND);
	expect_pass(port, OUT, neighbor_advertisement(VM6, ROUTER6, ROUTER6), ND);
	expect_drop(port, OUT, router_advertisement(VM_LINK), GUARD_ROUTER_ADVERTISEMENT);
}

/* ---- routers and DHCP servers --------------------------------------------------------------- */

static void guests_are_no_routers(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet hidden =
		with_hop_by_hop(with_destination_options(router_advertisement(VM_LINK)));

	expect_drop(port, OUT, router_advertisement(VM_LINK), GUARD_ROUTER_ADVERTISEMENT);
	expect_drop(port, OUT, redirect(VM_LINK, ROUTER_LINK, VM6), GUARD_ROUTER_ADVERTISEMENT);
	/* RFC 7113: extension headers and fragments hide an advertisement from simple guards. */
	expect_drop(port, OUT, hidden, GUARD_ROUTER_ADVERTISEMENT);
	expect_drop(port, OUT, fragment(7, 0, 0, router_advertisement(VM_LINK)),
		    GUARD_ROUTER_ADVERTISEMENT);
	expect_drop(port, OUT, icmp(VM, CLIENT, ICMP_REDIRECT, 1, .payload = 28),
		    GUARD_ROUTER_ADVERTISEMENT);
	expect_drop(port, OUT, icmp(VM, CLIENT, 9 /* router advertisement, RFC 1256 */, 0),
		    GUARD_ROUTER_ADVERTISEMENT);
}

static void a_guest_may_be_made_a_router(void **state)
{
	struct rig_port *port = open_port(state);

	switch_off(port, GUARD_ROUTER_ADVERTISEMENT);
	expect_pass(port, OUT, router_advertisement(VM_LINK), ND);
	expect_pass(port, OUT, redirect(VM_LINK, ROUTER_LINK, VM6), ND);
	expect_drop(port, OUT, sent_by(VM, router_advertisement(ROUTER_LINK)), GUARD_IP);
}

static void guests_are_no_dhcp_servers(void **state)
{
	struct rig_port *port = open_port(state);

	expect_drop(port, OUT, dhcp_offer(VM, CLIENT), GUARD_DHCP_SERVER);
	expect_drop(port, OUT, dhcp_offer(VM, BROADCAST), GUARD_DHCP_SERVER);
	expect_drop(port, OUT, dhcpv6_reply(VM_LINK, CLIENT6), GUARD_DHCP_SERVER);
	/* A client takes a packet for its port as an answer, wherever it comes from. */
	expect_drop(port, OUT, udp(VM, CLIENT, 40000, 68, .payload = 300), GUARD_DHCP_SERVER);
	expect_drop(port, OUT, udp(VM6, CLIENT6, 40000, 546, .payload = 40), GUARD_DHCP_SERVER);
	expect_drop(port, OUT, fragment(9, 0, 96, dhcp_offer(VM, CLIENT)), GUARD_DHCP_SERVER);
	expect_drop(port, OUT, in_snap(dhcp_offer(VM, CLIENT)), GUARD_DHCP_SERVER);
	expect_pass(port, OUT, tcp(VM, CLIENT, 40000, 68, SYN), NEW);
}

static void a_guest_may_be_made_a_dhcp_server(void **state)
{
	struct rig_port *port = open_port(state);

	switch_off(port, GUARD_DHCP_SERVER);
	expect_pass(port, OUT, dhcp_offer(VM, CLIENT), NEW);
	expect_pass(port, OUT, dhcpv6_reply(VM_LINK, CLIENT6), NEW);
}

static void guests_get_their_addresses_by_dhcp(void **state)
{
	struct rig_port *port = *state; /* which denies what comes in unasked */

	expect_drop(port, IN, dhcp_offer(ROUTER, VM), POLICY);
	expect_drop(port, IN, dhcpv6_reply(ROUTER_LINK, VM_LINK), POLICY);
	expect_pass(port, OUT, dhcp_discover(NOBODY), NEW);
	expect_pass(port, IN, dhcp_offer(ROUTER, VM), RELATED);
	expect_pass(port, IN, dhcp_offer(ROUTER, BROADCAST), RELATED);
	expect_pass(port, OUT, dhcp_discover(NOBODY), ESTABLISHED);
	expect_pass(port, OUT, dhcpv6_solicit(VM_LINK), NEW);
	expect_pass(port, IN, dhcpv6_reply(ROUTER_LINK, VM_LINK), RELATED);
	/* Only what was asked for. */
	expect_drop(port, IN, udp(ROUTER, VM, 67, 69), POLICY);
	expect_drop(port, IN, udp(ROUTER, VM, 68, 68), POLICY);
}

/* ---- a host without an address -------------------------------------------------------------- */

static void without_an_address_only_what_gets_one_may_be_sent(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, dhcp_discover(NOBODY), NEW);
	expect_pass(port, OUT, neighbor_solicitation(NOBODY6, VM6), ND);
	expect_pass(port, OUT, mld_report(NOBODY6), MULTICAST);
	expect_drop(port, OUT, udp(NOBODY, WEB, 68, 67), GUARD_IP);
	expect_drop(port, OUT, udp(NOBODY, BROADCAST, 68, 69), GUARD_IP);
	expect_drop(port, OUT, tcp(NOBODY, WEB, 40000, 80, SYN), GUARD_IP);
	expect_drop(port, OUT, echo_request(NOBODY6, ALL_NODES, 1), GUARD_IP);
	expect_drop(port, OUT, udp(NOBODY6, ALL_DHCP, 546, 547), GUARD_IP);
	expect_drop(port, OUT, fragment(3, 0, 96, dhcp_discover(NOBODY)), GUARD_IP);
}

static void membership_messages_pass(void **state)
{
	struct rig_port *port = *state;

	expect_pass(port, OUT, igmp_report(VM), MULTICAST);
	expect_pass(port, OUT, mld_report(VM_LINK), MULTICAST);
	expect_pass(port, IN, igmp_query(ROUTER), MULTICAST);
	expect_pass(port, IN, mld_query(ROUTER_LINK), MULTICAST);
}

/* ---- VLAN ----------------------------------------------------------------------------------- */

static void tags_are_dropped_unless_listed(void **state)
{
	struct rig_port *port = open_port(state);

	expect_drop(port, OUT, in_vlan(10, udp(VM, WEB, 40000, 53)), GUARD_VLAN);
	expect_drop(port, IN, in_vlan(10, udp(CLIENT, VM, 40000, 53)), GUARD_VLAN);
	expect_drop(port, OUT, in_service_vlan(10, udp(VM, WEB, 40000, 53)), GUARD_VLAN);
	expect_drop(port, OUT, in_offloaded_vlan(10, udp(VM, WEB, 40000, 53)), GUARD_VLAN);
	expect_drop(port, IN, in_offloaded_vlan(10, udp(CLIENT6, VM6, 40000, 53)), GUARD_VLAN);
	expect_drop(port, OUT, in_vlan(10, arp(ARP_REQUEST, VM, ROUTER)), GUARD_VLAN);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
}

static void listed_tags_pass(void **state)
{
	struct rig_port *port = open_port(state);

	port->record.vlans[0] = 10;
	port->record.vlans[1] = 4094;
	port->record.vlan_count = 2;
	publish_port(port);
	expect_pass(port, OUT, in_vlan(10, udp(VM, WEB, 40000, 53)), NEW);
	expect_pass(port, OUT, in_offloaded_vlan(4094, udp(VM, WEB, 40000, 53)), NEW);
	expect_pass(port, IN, in_vlan(4094, udp(WEB, VM, 53, 40000)), ESTABLISHED);
	expect_pass(port, OUT, udp(VM, WEB, 40000, 53), NEW);
	expect_drop(port, OUT, in_vlan(11, udp(VM, WEB, 40000, 53)), GUARD_VLAN);
	expect_drop(port, OUT, in_offloaded_vlan(11, udp(VM, WEB, 40000, 53)), GUARD_VLAN);
	/* The priority in the tag does not matter, every one of two tags does. */
	expect_pass(port, OUT, in_vlan(7 << 13 | 10, udp(VM, WEB, 40000, 53)), ESTABLISHED);
	expect_pass(port, OUT, in_service_vlan(4094, in_vlan(10, udp(VM, WEB, 40000, 53))), NEW);
	expect_drop(port, OUT, in_service_vlan(10, in_vlan(11, udp(VM, WEB, 40000, 53))),
		    GUARD_VLAN);
	expect_drop(port, OUT, in_offloaded_vlan(10, in_vlan(11, udp(VM, WEB, 40000, 53))),
		    GUARD_VLAN);
	expect_drop(port, OUT, in_offloaded_vlan(11, in_vlan(10, udp(VM, WEB, 40000, 53))),
		    GUARD_VLAN);
}

/* CVE-2021-27853: VLAN 0 must not carry what is forbidden without a tag. */
static void priority_tags_change_nothing(void **state)
{
	struct rig_port *port = open_port(state);

	expect_pass(port, OUT, in_vlan(0, udp(VM, WEB, 40000, 53)), NEW);
	expect_pass(port, OUT, in_offloaded_vlan(0, udp(VM, WEB, 40000, 53)), ESTABLISHED);
	expect_drop(port, OUT, in_vlan(0, sent_by(VM, udp(INTRUDER, WEB, 1, 2))), GUARD_IP);
	expect_drop(port, OUT, in_vlan(0, in_vlan(0, router_advertisement(VM_LINK))),
		    GUARD_ROUTER_ADVERTISEMENT);
	expect_drop(port, OUT, in_vlan(0, sent_by(VM, arp(ARP_REPLY, ROUTER, CLIENT))), GUARD_ARP);
	set_defaults(port, true, false);
	expect_drop(port, OUT, in_vlan(0, udp(VM, WEB, 40001, 53)), POLICY);
}

static void every_tag_may_be_let_through(void **state)
{
	struct rig_port *port = open_port(state);

	switch_off(port, GUARD_VLAN);
	expect_pass(port, OUT, in_vlan(1234, udp(VM, WEB, 40000, 53)), NEW);
	expect_drop(port, OUT, in_vlan(1234, sent_by(VM, udp(INTRUDER, WEB, 1, 2))), GUARD_IP);
}

/* More tags than are looked through are not let through unseen. */
static void a_pile_of_tags_is_dropped(void **state)
{
	struct rig_port *port = open_port(state);
	struct packet pile = in_vlan(0, in_vlan(0, in_vlan(0, udp(VM, WEB, 40000, 53))));

	expect_drop(port, OUT, pile, VLAN_TAGS);
	switch_off(port, GUARD_VLAN | GUARD_OTHER_ETHERTYPES);
	expect_drop(port, OUT, pile, VLAN_TAGS);
}

static void the_nd_guard_that_is_off_looks_at_nothing(void **state)
{
	struct rig_port *port = *state;

	switch_off(port, GUARD_ND);
	expect_pass(port, IN, set8(NETWORK(7), 64, neighbor_solicitation(ROUTER6, VM6)), ND);
}

/* RFC 6980 */
static void discovery_comes_in_no_fragments(void **state)
{
	struct rig_port *port = *state;

	expect_drop(port, IN, fragment(1, 0, 24, neighbor_solicitation(ROUTER6, VM6)), GUARD_ND);
}

/* To a group, and no further than the link: anything else of these protocols could carry anything
 * anywhere. */
static void only_membership_messages_bypass_the_policy(void **state)
{
	struct rig_port *port = *state;
	struct packet report = igmp_report(VM), report6 = mld_report(VM_LINK);
	struct packet unicast = set_bytes(NETWORK(16), WEB->address + 12, 4, report);

	set_defaults(port, false, false);
	expect_pass(port, OUT, report, MULTICAST);
	expect_pass(port, OUT, report6, MULTICAST);
	expect_drop(port, OUT, set8(NETWORK(8), 64, report), POLICY);
	expect_drop(port, OUT, unicast, POLICY);
	expect_drop(port, OUT, set8(NETWORK(7), 64, report6), POLICY);
	expect_drop(port, OUT, set_bytes(NETWORK(24), WEB6->address, ADDRESS_BYTES, report6),
		    POLICY);
	/* IGMP is of IPv4. */
	expect_drop(port, OUT, set8(NETWORK(7), 1, ip(VM6, ALL_NODES, IPPROTO_IGMP, 8)), POLICY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_source_mac_must_be_the_ports),
		rig_test(the_source_mac_of_others_is_theirs),
		rig_test(the_mac_guard_can_be_off),
		rig_test(live_sessions_are_guarded_too),
		rig_test(the_source_address_must_be_the_ports),
		rig_test(special_source_addresses_are_not_the_ports),
		rig_test(answers_are_guarded_too),
		rig_test(address_prefixes_are_the_ports_as_a_whole),
		rig_test(all_addresses_of_a_full_list_are_the_ports),
		rig_test(the_ip_guard_acts_once_addresses_are_known),
		rig_test(the_ip_guard_can_be_off),
		rig_test(a_lost_address_ends_the_right_to_use_it),
		rig_test(arp_of_the_ports_own_address_passes),
		rig_test(arp_for_others_is_dropped),
		rig_test(the_arp_guard_can_be_off),
		rig_test(discovery_of_the_ports_own_addresses_passes),
		rig_test(discovery_for_others_is_dropped),
		rig_test(discovery_that_cannot_be_read_is_dropped),
		rig_test(the_nd_guard_can_be_off),
		rig_test(guests_are_no_routers),
		rig_test(a_guest_may_be_made_a_router),
		rig_test(guests_are_no_dhcp_servers),
		rig_test(a_guest_may_be_made_a_dhcp_server),
		rig_test(guests_get_their_addresses_by_dhcp),
		rig_test(without_an_address_only_what_gets_one_may_be_sent),
		rig_test(membership_messages_pass),
		rig_test(tags_are_dropped_unless_listed),
		rig_test(listed_tags_pass),
		rig_test(priority_tags_change_nothing),
		rig_test(every_tag_may_be_let_through),
		rig_test(a_pile_of_tags_is_dropped),
		rig_test(the_nd_guard_that_is_off_looks_at_nothing),
		rig_test(discovery_comes_in_no_fragments),
		rig_test(only_membership_messages_bypass_the_policy),
	};

	return run_rig_tests(tests);
}

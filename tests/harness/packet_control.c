// SPDX-License-Identifier: GPL-2.0-or-later
/* ARP, neighbor discovery, multicast membership and address configuration. */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/harness/packet.h"
#include "tests/harness/packet_internal.h"

/* ---- ARP, RFC 826 --------------------------------------------------------------------------- */

#define ARP_BYTES    28
#define RARP_REQUEST 3

struct packet arp(uint16_t operation, const struct host *sender, const struct host *target)
{
	const struct host *to = operation == ARP_REQUEST ? BROADCAST : target;
	struct packet packet = ethernet(sender, to, ETH_P_ARP, ARP_BYTES);
	uint8_t *start = packet.bytes + packet.network;

	put16(start, 1); /* Ethernet */
	put16(start + 2, ETH_P_IP);
	start[4] = MAC_BYTES;
	start[5] = 4;
	put16(start + 6, operation);
	memcpy(start + 8, sender->mac, MAC_BYTES);
	memcpy(start + 14, sender->address + 12, 4);
	if (operation != ARP_REQUEST)
		memcpy(start + 18, target->mac, MAC_BYTES);
	memcpy(start + 24, target->address + 12, 4);
	return packet;
}

struct packet arp_probe(const struct host *sender, const struct host *target)
{
	static const uint8_t unspecified[4];

	return set_bytes(NETWORK(14), unspecified, sizeof(unspecified),
			 arp(ARP_REQUEST, sender, target));
}

struct packet rarp_announce(const struct host *sender)
{
	struct packet packet = arp_probe(sender, NOBODY);

	put16(packet.bytes + 12, ETH_P_RARP);
	put16(packet.bytes + packet.network + 6, RARP_REQUEST);
	memcpy(packet.bytes + packet.network + 18, sender->mac, MAC_BYTES);
	return packet;
}

/* ---- neighbor discovery, RFC 4861 ----------------------------------------------------------- */

enum nd_type { ND_RS = 133, ND_RA = 134, ND_NS = 135, ND_NA = 136, ND_REDIRECT = 137 };

#define ND_SOURCE_LINK_ADDRESS 1
#define ND_TARGET_LINK_ADDRESS 2

/* An ICMPv6 message whose fixed part has `fixed` bytes behind the first eight, then the option
 * with the sender's MAC. Hop limit 255, which receivers check. */
static struct packet nd(const struct host *from, const struct host *to, uint8_t type, size_t fixed,
			uint8_t option)
{
	struct packet packet = icmp(from, to, type, 0, .payload = fixed + (option ? 8 : 0));
	uint8_t *end = packet.bytes + packet.length;

	packet.bytes[packet.network + 7] = 255;
	if (option) {
		end[-8] = option;
		end[-7] = 1;
		memcpy(end - 6, from->mac, MAC_BYTES);
	}
	return packet;
}

static struct packet finish_nd(struct packet packet)
{
	set_checksum(&packet, 2, IPPROTO_ICMPV6);
	return packet;
}

/* The multicast group that listens for solicitations of an address. */
static struct host solicited_node(const struct host *target)
{
	struct host group = {.mac = {0x33, 0x33, 0xff}, .address = {0xff, 0x02, [11] = 0x01, 0xff}};

	memcpy(group.mac + 3, target->address + 13, 3);
	memcpy(group.address + 13, target->address + 13, 3);
	return group;
}

struct packet neighbor_solicitation(const struct host *from, const struct host *target)
{
	struct host group = solicited_node(target);
	/* Duplicate address detection carries no option (RFC 4861, 4.3). */
	uint8_t option = from == NOBODY6 ? 0 : ND_SOURCE_LINK_ADDRESS;
	struct packet packet = nd(from, &group, ND_NS, 16, option);

	memcpy(packet.bytes + packet.transport + 8, target->address, ADDRESS_BYTES);
	return finish_nd(packet);
}

struct packet neighbor_advertisement(const struct host *from, const struct host *to,
				     const struct host *target)
{
	struct packet packet = nd(from, to, ND_NA, 16, ND_TARGET_LINK_ADDRESS);

	packet.bytes[packet.transport + 4] = 0x60; /* solicited, override */
	memcpy(packet.bytes + packet.transport + 8, target->address, ADDRESS_BYTES);
	return finish_nd(packet);
}

struct packet router_solicitation(const struct host *from)
{
	return finish_nd(nd(from, ALL_ROUTERS, ND_RS, 0, ND_SOURCE_LINK_ADDRESS));
}

struct packet router_advertisement(const struct host *from)
{
	struct packet packet = nd(from, ALL_NODES, ND_RA, 8, ND_SOURCE_LINK_ADDRESS);

	packet.bytes[packet.transport + 4] = 64; /* hop limit */
	put16(packet.bytes + packet.transport + 6, 1800);
	return finish_nd(packet);
}

struct packet redirect(const struct host *from, const struct host *to, const struct host *better)
{
	struct packet packet = nd(from, to, ND_REDIRECT, 32, ND_TARGET_LINK_ADDRESS);

	memcpy(packet.bytes + packet.transport + 8, better->address, ADDRESS_BYTES);
	memcpy(packet.bytes + packet.transport + 24, to->address, ADDRESS_BYTES);
	return finish_nd(packet);
}

/* ---- multicast membership ------------------------------------------------------------------- */

#define IGMP_QUERY     0x11
#define IGMP_V2_REPORT 0x16
#define MLD_QUERY      130
#define MLD_REPORT     131

static struct packet igmp(const struct host *from, uint8_t type)
{
	struct packet packet = ip(from, MDNS, IPPROTO_IGMP, 8);
	uint8_t *start = packet.bytes + packet.transport;

	packet.bytes[packet.network + 8] = 1; /* TTL */
	start[0] = type;
	memcpy(start + 4, MDNS->address + 12, 4);
	set_plain_checksum(&packet, 2);
	return with_ip_options(BYTES(0x94, 4, 0, 0), packet);
}

struct packet igmp_report(const struct host *from)
{
	return igmp(from, IGMP_V2_REPORT);
}

struct packet igmp_query(const struct host *from)
{
	return igmp(from, IGMP_QUERY);
}

static struct packet mld(const struct host *from, const struct host *to, uint8_t type)
{
	struct packet packet = icmp(from, to, type, 0, .payload = ADDRESS_BYTES);

	packet.bytes[packet.network + 7] = 1; /* hop limit */
	if (type == MLD_REPORT)
		memcpy(packet.bytes + packet.transport + 8, to->address, ADDRESS_BYTES);
	set_checksum(&packet, 2, IPPROTO_ICMPV6);
	return with_hop_by_hop(packet);
}

struct packet mld_report(const struct host *from)
{
	static const struct host group = {.mac = {0x33, 0x33, 0, 0, 0, 0xfb},
					  .address = {0xff, 0x02, [15] = 0xfb}};

	return mld(from, &group, MLD_REPORT);
}

struct packet mld_query(const struct host *from)
{
	return mld(from, ALL_NODES, MLD_QUERY);
}

/* ---- DHCP, RFC 2131 and RFC 8415 ------------------------------------------------------------ */

#define DHCP_BYTES 300

struct packet dhcp_discover(const struct host *from)
{
	struct packet packet = udp(from, BROADCAST, 68, 67, .payload = DHCP_BYTES);

	return set8(TRANSPORT(8), 1, packet); /* BOOTREQUEST */
}

struct packet dhcp_offer(const struct host *from, const struct host *to)
{
	struct packet packet = udp(from, to, 67, 68, .payload = DHCP_BYTES);

	return set8(TRANSPORT(8), 2, packet); /* BOOTREPLY */
}

struct packet dhcpv6_solicit(const struct host *from)
{
	return set8(TRANSPORT(8), 1, udp(from, ALL_DHCP, 546, 547, .payload = 40));
}

struct packet dhcpv6_reply(const struct host *from, const struct host *to)
{
	return set8(TRANSPORT(8), 7, udp(from, to, 547, 546, .payload = 40));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a guest may say about who and where it is. Decisions where the contract is silent:
 *
 * - Of a frame with several faults the first of these is reported: VLAN, source MAC, DHCP server,
 *   router, source address.
 * - ARP: only requests and replies, RARP: only requests (a reply gives away addresses); others have
 *   no receiver. What a guest says by RARP names no address.
 * - Neighbor discovery messages with a code other than 0 no receiver takes (RFC 4861, 6.1, 7.1).
 * - IGMP and MLD are membership messages if they go to a group and no further than the link (RFC
 *   3376, 4; RFC 3810, 5); others are judged by the policy like any protocol, so that "deny all" is
 *   no way out for them.
 * - From the unspecified address MLD is let through whatever its type: queries from there nobody
 *   answers (RFC 3810, 5.1.14).
 */
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/model/model.h"

static const uint8_t zeros[ADDRESS_BYTES];

static bool is_mac_of_port(const struct model *model, const uint8_t *mac)
{
	return !memcmp(mac, model->port.mac, MAC_BYTES);
}

static bool is_unspecified(const uint8_t *address)
{
	static const uint8_t v4[ADDRESS_BYTES] = {[10] = 0xff, 0xff};

	return !memcmp(address, zeros, ADDRESS_BYTES) || !memcmp(address, v4, ADDRESS_BYTES);
}

/* fe80::/64 with the MAC's modified EUI-64 (RFC 4291, appendix A). */
static bool is_link_local_of_port(const struct model *model, const uint8_t *address)
{
	const uint8_t *mac = model->port.mac;
	const uint8_t own[ADDRESS_BYTES] = {0xfe, 0x80,   0,          0,      0,      0,
					    0,    0,      mac[0] ^ 2, mac[1], mac[2], 0xff,
					    0xfe, mac[3], mac[4],     mac[5]};

	return !memcmp(address, own, ADDRESS_BYTES);
}

static bool is_address_of_port(const struct model *model, const uint8_t *address)
{
	const struct port *port = &model->port;

	if (!port->address_count || is_link_local_of_port(model, address))
		return true;
	for (uint32_t i = 0; i < port->address_count; i++) {
		const struct address_prefix *prefix = &port->addresses[i];
		uint32_t word[4];
		bool same = true;

		memcpy(word, address, sizeof(word));
		for (int w = 0; w < 4; w++)
			same = same && (word[w] & prefix->mask[w]) == prefix->address[w];
		if (same)
			return true;
	}
	return false;
}

/* ---- any frame ------------------------------------------------------------------------------ */

static bool is_tag_listed(const struct port *port, uint16_t tag)
{
	for (uint32_t i = 0; i < port->vlan_count; i++) {
		if (port->vlans[i] == tag)
			return true;
	}
	return tag == 0; /* a priority tag: in no VLAN (IEEE 802.1Q, 9.6) */
}

static bool has_foreign_tag(const struct port *port, const struct reading *r)
{
	if (!(port->guards & GUARD_VLAN))
		return false;
	for (size_t i = 0; i < r->tag_count; i++) {
		if (!is_tag_listed(port, r->tags[i]))
			return true;
	}
	return false;
}

int guard_frame(const struct model *model, enum direction direction, const struct reading *r)
{
	const struct port *port = &model->port;

	if (has_foreign_tag(port, r))
		return REASON_GUARD_VLAN;
	if (direction == DIRECTION_OUT && port->guards & GUARD_MAC &&
	    !is_mac_of_port(model, r->source_mac))
		return REASON_GUARD_MAC;
	return GO_ON;
}

/* ---- ARP and RARP --------------------------------------------------------------------------- */

#define ARP_BYTES 28

int judge_arp_frame(const struct model *model, enum direction direction, const struct reading *r)
{
	/* Ethernet, IPv4, their address lengths. */
	static const uint8_t kind[] = {0, 1, 0x08, 0x00, MAC_BYTES, 4};
	const uint8_t *arp = r->rest.at;
	uint8_t sender[ADDRESS_BYTES] = {[10] = 0xff, 0xff};
	bool rarp = r->ethertype == ETH_P_RARP;
	unsigned int operation;

	if (r->rest.left < ARP_BYTES)
		return REASON_TRUNCATED;
	if (memcmp(arp, kind, sizeof(kind)))
		return REASON_BAD_HEADER;
	operation = arp[6] << 8 | arp[7];
	if (rarp ? operation != 3 : operation != 1 && operation != 2)
		return REASON_BAD_HEADER;
	if (direction == DIRECTION_IN || !(model->port.guards & GUARD_ARP))
		return REASON_ARP;
	memcpy(sender + 12, arp + 14, 4);
	if (!is_mac_of_port(model, arp + 8))
		return REASON_GUARD_ARP;
	if (is_unspecified(sender)) /* a probe, an announcement; not a reply */
		return operation == 2 ? REASON_GUARD_ARP : REASON_ARP;
	return !rarp && is_address_of_port(model, sender) ? REASON_ARP : REASON_GUARD_ARP;
}

/* ---- IP ------------------------------------------------------------------------------------- */

#define ND_RS       133
#define ND_RA       134
#define ND_NS       135
#define ND_NA       136
#define ND_REDIRECT 137

static bool is_v6_message(const struct reading *r)
{
	return r->family == FAMILY_V6 && r->protocol == IPPROTO_ICMPV6 && r->part != PART_LATER;
}

bool is_discovery(const struct reading *r)
{
	return is_v6_message(r) && r->type >= ND_RS && r->type <= ND_REDIRECT;
}

static bool is_mld(const struct reading *r)
{
	return is_v6_message(r) && ((r->type >= 130 && r->type <= 132) || r->type == 143);
}

bool is_membership(const struct reading *r)
{
	if (r->hop_limit != 1 || r->part == PART_LATER || !is_to_many(r))
		return false;
	return r->family == FAMILY_V4 ? r->protocol == IPPROTO_IGMP : is_mld(r);
}

static bool is_udp_to(const struct reading *r, uint16_t port)
{
	return r->protocol == IPPROTO_UDP && r->part != PART_LATER && r->destination_port == port;
}

/* RFC 2131, 4.1; RFC 4861, 4.1 and 4.3; RFC 3590. */
static bool may_have_no_address(const struct reading *r)
{
	static const uint8_t everybody[] = {255, 255, 255, 255};

	if (r->part != PART_WHOLE)
		return false;
	if (r->family == FAMILY_V4)
		return is_udp_to(r, 67) && r->source_port == 68 &&
		       !memcmp(r->destination + 12, everybody, 4);
	return is_mld(r) || (is_v6_message(r) && (r->type == ND_NS || r->type == ND_RS));
}

static bool is_sender_honest(const struct model *model, const struct reading *r)
{
	if (!model->port.address_count)
		return true;
	if (is_unspecified(r->source))
		return may_have_no_address(r);
	return is_address_of_port(model, r->source);
}

static bool advertises_router(const struct reading *r)
{
	if (r->part == PART_LATER)
		return false;
	if (r->family == FAMILY_V4) /* RFC 792 redirect, RFC 1256 advertisement */
		return r->protocol == IPPROTO_ICMP && (r->type == 5 || r->type == 9);
	return is_v6_message(r) && (r->type == ND_RA || r->type == ND_REDIRECT);
}

int guard_ip_sender(const struct model *model, enum direction direction, const struct reading *r)
{
	uint32_t guards = model->port.guards;

	if (direction == DIRECTION_IN)
		return GO_ON;
	if (guards & GUARD_DHCP_SERVER && is_udp_to(r, r->family == FAMILY_V4 ? 68 : 546))
		return REASON_GUARD_DHCP_SERVER;
	if (guards & GUARD_ROUTER_ADVERTISEMENT && advertises_router(r))
		return REASON_GUARD_ROUTER_ADVERTISEMENT;
	return guards & GUARD_IP && !is_sender_honest(model, r) ? REASON_GUARD_IP : GO_ON;
}

/* ---- neighbor discovery --------------------------------------------------------------------- */

#define ND_OPTIONS_MAX 8

enum link_option { LINK_NONE, LINK_OWN, LINK_BAD };

/* Link-layer options must be the port's; every option must be readable. */
static enum link_option read_options(const struct model *model, const struct reading *r,
				     struct span options)
{
	enum link_option found = LINK_NONE;

	for (int i = 0; options.left; i++) {
		size_t size;

		if (i == ND_OPTIONS_MAX || options.left < 8 || options.at > r->far)
			return LINK_BAD;
		size = (size_t)options.at[1] * 8;
		if (!size || size > options.left)
			return LINK_BAD;
		if (options.at[0] == 1 || options.at[0] == 2) {
			if (!is_mac_of_port(model, options.at + 2))
				return LINK_BAD;
			found = LINK_OWN;
		}
		options.at += size;
		options.left -= size;
	}
	return found;
}

static bool is_claim_honest(const struct model *model, const struct reading *r)
{
	bool from_nobody = is_unspecified(r->source);
	struct span options = r->quoted; /* behind the first 8 bytes */
	const uint8_t *target = options.at;
	enum link_option link;

	if (r->type == ND_RS) { /* RFC 4861, 6.1.1 */
		link = read_options(model, r, options);
		return link == LINK_NONE || (link == LINK_OWN && !from_nobody);
	}
	if (options.left < ADDRESS_BYTES)
		return false;
	options.at += ADDRESS_BYTES;
	options.left -= ADDRESS_BYTES;
	link = read_options(model, r, options);
	if (link == LINK_BAD)
		return false;
	if (r->type == ND_NS && !from_nobody)
		return true; /* it asks */
	if (r->type == ND_NS && link != LINK_NONE)
		return false; /* RFC 4861, 7.1.1 */
	return is_address_of_port(model, target);
}

int judge_discovery(const struct model *model, enum direction direction, const struct reading *r)
{
	if (!(model->port.guards & GUARD_ND))
		return REASON_ND;
	/* RFC 4861, 6.1 and 7.1; RFC 6980. */
	if (r->hop_limit != 255 || r->code != 0 || r->part != PART_WHOLE)
		return REASON_GUARD_ND;
	if (direction == DIRECTION_IN || r->type == ND_RA || r->type == ND_REDIRECT)
		return REASON_ND;
	return is_claim_honest(model, r) ? REASON_ND : REASON_GUARD_ND;
}

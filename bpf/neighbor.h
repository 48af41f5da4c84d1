/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * neighbor.h - ARP, RARP and IPv6 neighbor discovery. They pass in both directions without a
 * session and without a rule, because IP does not work without them. What the guest sends has to be
 * true, where the guards "arp" and "nd" act: it may speak for its own MAC address and its own IP
 * addresses only.
 */
#ifndef VMSEG_BPF_NEIGHBOR_H
#define VMSEG_BPF_NEIGHBOR_H

#include "bpf/guard.h"

#define ARP_HARDWARE_ETHERNET 1
#define ARP_REQUEST           1
#define ARP_REPLY             2
#define RARP_REQUEST          3

#define ND_OPTION_SOURCE_LINK 1
#define ND_OPTION_TARGET_LINK 2
#define ND_OPTIONS_MAX        8
#define ND_HOP_LIMIT          255

/* RFC 826 for Ethernet and IPv4. */
struct arp_packet {
	__be16 hardware, protocol;
	__u8 hardware_length, protocol_length;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
	__u8 target_mac[ETH_ALEN];
	__u8 target_ip[4];
} __attribute__((packed));

/* ---- ARP ------------------------------------------------------------------------------------- */

/* ARP in both directions: well formed; from the guest also honest. A sender address of 0 is a
 * probe (RFC 5227), one that is the port's may be announced at will. */
static __always_inline int judge_arp(struct __sk_buff *skb, enum direction direction,
				     const struct port *port, struct packet *pkt)
{
	struct arp_packet *arp = header_at(skb, pkt->network, sizeof(*arp));
	__be32 sender[4], ip;
	int rarp = pkt->ethertype == ETH_P_RARP;

	if (!arp)
		return REASON_TRUNCATED;
	if (arp->hardware != bpf_htons(ARP_HARDWARE_ETHERNET) ||
	    arp->protocol != bpf_htons(ETH_P_IP) || arp->hardware_length != ETH_ALEN ||
	    arp->protocol_length != 4)
		return REASON_BAD_HEADER;
	if (rarp ? arp->operation != bpf_htons(RARP_REQUEST)
		 : arp->operation != bpf_htons(ARP_REQUEST) &&
			    arp->operation != bpf_htons(ARP_REPLY))
		return REASON_BAD_HEADER;
	if (direction == DIRECTION_IN || !(port->guards & GUARD_ARP))
		return REASON_ARP;
	if (!same_mac(arp->sender_mac, port->mac))
		return REASON_GUARD_ARP;
	__builtin_memcpy(&ip, arp->sender_ip, sizeof(ip));
	set_ipv4(sender, ip);
	/* QEMU announces a migrated guest by RARP without addresses. */
	if (ip && ((rarp) || !is_own_address(port, pkt, sender)))
		return REASON_GUARD_ARP;
	/* A reply that names nobody poisons caches. */
	if (!ip && arp->operation == bpf_htons(ARP_REPLY))
		return REASON_GUARD_ARP;
	return REASON_ARP;
}

/* ---- neighbor discovery ---------------------------------------------------------------------- */

struct nd_option {
	__u8 type, length; /* length in units of 8 bytes (RFC 4861, 4.6) */
	__u8 mac[ETH_ALEN];
};

/* What guard_nd_options() found. */
#define ND_OPTIONS_BAD      (-1)
#define ND_OPTIONS_NO_LINK  0
#define ND_OPTIONS_OWN_LINK 1

/* The options of the neighbor discovery message in scratch packet `which`, `fixed` bytes into it.
 * Link-layer options must carry the port's MAC, and every option must be walkable: what we cannot
 * read a receiver may. A global function, see is_claim_valid(). */
__noinline int guard_nd_options(struct __sk_buff *skb, __u32 which, __u32 fixed)
{
	struct packet *pkt = bpf_map_lookup_elem(&scratch_map, &which);
	int found = ND_OPTIONS_NO_LINK;
	const struct port *port;
	struct nd_option *option;
	__u32 offset, left, bytes;

	if (!pkt || pkt->transport_length < fixed)
		return ND_OPTIONS_BAD;
	port = find_port(pkt->record);
	if (!port)
		return ND_OPTIONS_BAD;
	offset = pkt->transport + fixed;
	left = pkt->transport_length - fixed;
	for (int i = 0; i < ND_OPTIONS_MAX && left; i++) {
		option = header_at(skb, offset, sizeof(*option));
		if (!option)
			return ND_OPTIONS_BAD;
		bytes = option->length * 8;
		if (!bytes || bytes > left)
			return ND_OPTIONS_BAD;
		if (option->type == ND_OPTION_SOURCE_LINK ||
		    option->type == ND_OPTION_TARGET_LINK) {
			if (!same_mac(option->mac, port->mac))
				return ND_OPTIONS_BAD;
			found = ND_OPTIONS_OWN_LINK;
		}
		offset += bytes;
		left -= bytes;
	}
	return left ? ND_OPTIONS_BAD : found;
}

#define ND_TARGET_OFFSET 8  /* in a solicitation or advertisement */
#define ND_TARGET_FIXED  24 /* bytes before the options */
#define ND_ROUTER_FIXED  8  /* likewise in a router solicitation */

/* Neighbor discovery passes in both directions without a session; what the guest sends must speak
 * for its own addresses only (RFC 4861, 7.1). */
static __always_inline int judge_nd(struct __sk_buff *skb, enum direction direction,
				    const struct port *port, struct packet *pkt)
{
	__be32 *target;
	int link;

	if (!(port->guards & GUARD_ND))
		return REASON_ND;
	/* Off-link packets do not arrive with 255; so every receiver must check, and we may. Nor
	 * does any take fragments (RFC 6980). */
	if (pkt->hop_limit != ND_HOP_LIMIT || (pkt->l4_port & 0xff) != 0 || pkt->fragment)
		return REASON_GUARD_ND;
	if (direction == DIRECTION_IN)
		return REASON_ND;
	if (pkt->icmp_type == ICMPV6_ROUTER_SOLICITATION) {
		link = guard_nd_options(skb, pkt->scratch, ND_ROUTER_FIXED);
		if (link == ND_OPTIONS_BAD)
			return REASON_GUARD_ND;
		return link == ND_OPTIONS_OWN_LINK && is_unspecified(pkt, pkt->key.local)
			       ? REASON_GUARD_ND
			       : REASON_ND;
	}
	if (pkt->icmp_type != ICMPV6_NEIGHBOR_SOLICITATION &&
	    pkt->icmp_type != ICMPV6_NEIGHBOR_ADVERTISEMENT)
		return REASON_ND; /* guard_router has let it through: the policy makes it a router
				   */

	link = guard_nd_options(skb, pkt->scratch, ND_TARGET_FIXED);
	if (link == ND_OPTIONS_BAD)
		return REASON_GUARD_ND;
	/* An advertisement, and the solicitation of duplicate address detection (which has no
	 * source and no link-layer option, 7.1.1), claim the target. */
	if (pkt->icmp_type == ICMPV6_NEIGHBOR_SOLICITATION) {
		if (!is_unspecified(pkt, pkt->key.local))
			return REASON_ND;
		if (link == ND_OPTIONS_OWN_LINK)
			return REASON_GUARD_ND;
	}
	target = header_at(skb, pkt->transport + ND_TARGET_OFFSET, ADDRESS_BYTES);
	if (!target)
		return REASON_TRUNCATED;
	return is_own_address(port, pkt, target) ? REASON_ND : REASON_GUARD_ND;
}

#endif

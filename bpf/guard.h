/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * guard.h - anti-spoofing: what a guest may say about who and where it is. Guards come before any
 * accept, live sessions and ICMP errors included. All but the VLAN and ethertype guards look only
 * at what the guest sends.
 */
#ifndef VMSEG_BPF_GUARD_H
#define VMSEG_BPF_GUARD_H

#include "bpf/parse_packet.h"
#include "bpf/port.h"

#define L4_PORT_DHCP_CLIENT   68
#define L4_PORT_DHCP_SERVER   67
#define L4_PORT_DHCPV6_CLIENT 546

#define ARP_HARDWARE_ETHERNET 1
#define ARP_REQUEST           1
#define ARP_REPLY             2
#define RARP_REQUEST          3

/* ICMPv6 types (RFC 4861, 2710, 3810) and ICMP router messages (RFC 1256). */
#define ICMPV6_MLD_QUERY              130
#define ICMPV6_MLD_DONE               132
#define ICMPV6_ROUTER_SOLICITATION    133
#define ICMPV6_ROUTER_ADVERTISEMENT   134
#define ICMPV6_NEIGHBOR_SOLICITATION  135
#define ICMPV6_NEIGHBOR_ADVERTISEMENT 136
#define ICMPV6_REDIRECT               137
#define ICMPV6_MLD2_REPORT_TYPE       143
#define ICMP_ROUTER_ADVERTISEMENT     9

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

static __always_inline int vlan_is_listed(const struct port *port, __u16 vlan)
{
	for (__u32 i = 0; i < PORT_VLANS_MAX; i++) {
		if (i >= port->vlan_count)
			break;
		if (port->vlans[i] == vlan)
			return 1;
	}
	return 0;
}

/* Both directions. VLAN id 0 is a priority tag: the frame belongs to no VLAN (IEEE 802.1Q, 9.6). */
static __always_inline int guard_vlan(const struct port *port, const struct packet *pkt)
{
	if (!(port->guards & GUARD_VLAN) || (port->flags & PORT_VLAN_ANY))
		return UNDECIDED;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (pkt->vlan[i] == NO_VLAN || pkt->vlan[i] == 0)
			continue;
		if (!vlan_is_listed(port, pkt->vlan[i]))
			return REASON_VLAN;
	}
	return UNDECIDED;
}

static __always_inline int guard_mac(const struct port *port, const struct packet *pkt)
{
	if ((port->guards & GUARD_MAC) && !same_mac(pkt->source_mac, port->mac))
		return REASON_GUARD_MAC;
	return UNDECIDED;
}

/* fe80::/64 with the modified EUI-64 of the port's MAC (RFC 4291, appendix A): the one address
 * that needs no configuration. Others must be listed. */
static __always_inline int is_own_link_local(const struct port *port, const __be32 *address)
{
	const __u8 *mac = port->mac;

	return address[0] == bpf_htonl(0xfe800000) && address[1] == 0 &&
	       address[2] ==
		       bpf_htonl((__u32)(mac[0] ^ 2) << 24 | mac[1] << 16 | mac[2] << 8 | 0xff) &&
	       address[3] == bpf_htonl(0xfe000000U | mac[3] << 16 | mac[4] << 8 | mac[5]);
}

/* Is pkt->claimed of scratch packet `which` one of the port's addresses? A global function: checked
 * by the verifier once, not on each of the paths that lead here. */
__noinline int is_claim_valid(__u32 which)
{
	struct packet *pkt = bpf_map_lookup_elem(&scratch_map, &which);
	const struct port *port;

	if (!pkt)
		return 0;
	port = find_port(pkt->record);
	if (!port)
		return 0;
	for (__u32 i = 0; i < PORT_ADDRESSES_MAX; i++) {
		const struct address_prefix *own = &port->addresses[i];

		if (i >= port->address_count)
			break;
		if ((pkt->claimed[0] & own->mask[0]) == own->address[0] &&
		    (pkt->claimed[1] & own->mask[1]) == own->address[1] &&
		    (pkt->claimed[2] & own->mask[2]) == own->address[2] &&
		    (pkt->claimed[3] & own->mask[3]) == own->address[3])
			return 1;
	}
	return is_own_link_local(port, pkt->claimed);
}

/* With no address listed every address is the port's: the guard acts once addresses are known. */
static __always_inline int is_own_address(const struct port *port, struct packet *pkt,
					  const __be32 *address)
{
	if (!port->address_count)
		return 1;
	copy_address(pkt->claimed, address);
	return is_claim_valid(pkt->scratch);
}

static __always_inline int is_unspecified(const struct packet *pkt, const __be32 *address)
{
	return !address[0] && !address[1] && !address[3] &&
	       address[2] == (pkt->family == 4 ? bpf_htonl(0xffff) : 0);
}

static __always_inline int is_multicast(const struct packet *pkt, const __be32 *address)
{
	if (pkt->family == 4) /* 224.0.0.0/4, and the limited broadcast */
		return (address[3] & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) ||
		       address[3] == 0xffffffff;
	return (address[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

static __always_inline int is_mld(const struct packet *pkt)
{
	return pkt->key.protocol == IPPROTO_ICMPV6 && pkt->fragment != FRAGMENT_LATER &&
	       ((pkt->icmp_type >= ICMPV6_MLD_QUERY && pkt->icmp_type <= ICMPV6_MLD_DONE) ||
		pkt->icmp_type == ICMPV6_MLD2_REPORT_TYPE);
}

/* Membership messages go to groups and no router forwards them (RFC 3376, 4; RFC 3810, 5). What
 * only looks like one is the policy's to judge: it could carry anything anywhere. */
static __always_inline int is_membership(const struct packet *pkt, enum direction direction)
{
	const __be32 *destination = direction == DIRECTION_OUT ? pkt->key.remote : pkt->key.local;

	return pkt->hop_limit == 1 && is_multicast(pkt, destination) &&
	       (pkt->family == 4 ? pkt->key.protocol == IPPROTO_IGMP : is_mld(pkt));
}

static __always_inline int is_nd(const struct packet *pkt)
{
	return pkt->key.protocol == IPPROTO_ICMPV6 && pkt->fragment != FRAGMENT_LATER &&
	       pkt->icmp_type >= ICMPV6_ROUTER_SOLICITATION && pkt->icmp_type <= ICMPV6_REDIRECT;
}

/* What a host without an address may send: DHCP discover and request (RFC 2131, 4.1), duplicate
 * address detection and router solicitation (RFC 4861, 4.1 and 4.3), MLD reports (RFC 3590). */
static __always_inline int may_be_unspecified(const struct packet *pkt)
{
	if (pkt->fragment)
		return 0;
	if (pkt->family == 4)
		return pkt->key.protocol == IPPROTO_UDP && pkt->l4_source == L4_PORT_DHCP_CLIENT &&
		       pkt->l4_port == L4_PORT_DHCP_SERVER && pkt->key.remote[3] == 0xffffffff;
	return is_mld(pkt) || (pkt->key.protocol == IPPROTO_ICMPV6 &&
			       (pkt->icmp_type == ICMPV6_ROUTER_SOLICITATION ||
				pkt->icmp_type == ICMPV6_NEIGHBOR_SOLICITATION));
}

/* Source address of what the guest sends. A live session that carries SESSION_GUARDED has been
 * through here with the same port record, so its packets need not come again. */
static __always_inline int guard_ip(const struct port *port, struct packet *pkt)
{
	if (!(port->guards & GUARD_IP) || !port->address_count)
		return UNDECIDED;
	if (is_unspecified(pkt, pkt->key.local))
		return may_be_unspecified(pkt) ? UNDECIDED : REASON_GUARD_IP;
	return is_own_address(port, pkt, pkt->key.local) ? UNDECIDED : REASON_GUARD_IP;
}

/* A client takes any packet to its port as a server's answer, whatever the sender's port. */
static __always_inline int guard_dhcp(const struct port *port, const struct packet *pkt)
{
	if (!(port->guards & GUARD_DHCP_SERVER) || pkt->key.protocol != IPPROTO_UDP ||
	    pkt->fragment == FRAGMENT_LATER)
		return UNDECIDED;
	if (pkt->l4_port == (pkt->family == 4 ? L4_PORT_DHCP_CLIENT : L4_PORT_DHCPV6_CLIENT))
		return REASON_GUARD_DHCP;
	return UNDECIDED;
}

static __always_inline int guard_router(const struct port *port, const struct packet *pkt)
{
	if (!(port->guards & GUARD_ROUTER_ADVERTISEMENT) || !pkt->icmp_class)
		return UNDECIDED;
	if (pkt->family == 4)
		return pkt->icmp_type == ICMP_ROUTER_ADVERTISEMENT ||
				       pkt->icmp_type == ICMP_REDIRECT
			       ? REASON_GUARD_RA
			       : UNDECIDED;
	return pkt->icmp_type == ICMPV6_ROUTER_ADVERTISEMENT || pkt->icmp_type == ICMPV6_REDIRECT
		       ? REASON_GUARD_RA
		       : UNDECIDED;
}

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

/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * guard.h - anti-spoofing: what a guest may say about who and where it is. These guards are checked
 * before a packet can pass, also a packet of an open session or an ICMP error. All look only at
 * what the guest sends, except `vlan`, `other-ethertypes` and a part of `nd` (neighbor.h).
 * `tcp-window` is in tcp.h.
 */
#ifndef VMSEG_BPF_GUARD_H
#define VMSEG_BPF_GUARD_H

#include "bpf/parse_packet.h"
#include "bpf/port.h"

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
	if (!(port->guards & GUARD_VLAN))
		return UNDECIDED;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (pkt->vlan[i] == NO_VLAN || pkt->vlan[i] == 0)
			continue;
		if (!vlan_is_listed(port, pkt->vlan[i]))
			return REASON_GUARD_VLAN;
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
		return REASON_GUARD_DHCP_SERVER;
	return UNDECIDED;
}

static __always_inline int guard_router(const struct port *port, const struct packet *pkt)
{
	if (!(port->guards & GUARD_ROUTER_ADVERTISEMENT) || !pkt->icmp_class)
		return UNDECIDED;
	if (pkt->family == 4)
		return pkt->icmp_type == ICMP_ROUTER_ADVERTISEMENT ||
				       pkt->icmp_type == ICMP_REDIRECT
			       ? REASON_GUARD_ROUTER_ADVERTISEMENT
			       : UNDECIDED;
	return pkt->icmp_type == ICMPV6_ROUTER_ADVERTISEMENT || pkt->icmp_type == ICMPV6_REDIRECT
		       ? REASON_GUARD_ROUTER_ADVERTISEMENT
		       : UNDECIDED;
}

/* Guards that need the IP header; SESSION_GUARDED spares live sessions the address look-up. */
static __always_inline int guard_sender(const struct port *port, const struct packet *pkt)
{
	int reason = guard_dhcp(port, pkt);

	if (reason == UNDECIDED)
		reason = guard_router(port, pkt);
	return reason;
}

#endif

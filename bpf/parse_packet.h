/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * parse_packet.h - the one parser: from the first byte of the frame to the transport header. It
 * reads what a receiver would read and refuses, with a reason each, what two receivers could read
 * differently; it knows no policy.
 */
#ifndef VMSEG_BPF_PARSE_PACKET_H
#define VMSEG_BPF_PARSE_PACKET_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "bpf/parsed_packet.h"

#define EXTENSION_HEADERS_MAX 8
#define FIRST_ETHERTYPE       0x0600 /* below: an 802.3 length (IEEE 802.3, 3.2.6) */

#define ROUTING_TYPE_0 0

/* Names that the UAPI headers do not have. */
#define ETHERTYPE_QINQ_OLD      0x9100
#define PROTOCOL_UDPLITE        136
#define PROTOCOL_SCTP           132
#define NEXT_HEADER_HOP_BY_HOP  0
#define NEXT_HEADER_ROUTING     43
#define NEXT_HEADER_FRAGMENT    44
#define NEXT_HEADER_AH          51
#define NEXT_HEADER_DESTINATION 60

/* ICMP (RFC 792, 950) and ICMPv6 (RFC 4443) types. The UAPI header with the former pulls in libc.
 */
#define ICMP_ECHOREPLY      0
#define ICMP_DEST_UNREACH   3
#define ICMP_SOURCE_QUENCH  4
#define ICMP_REDIRECT       5
#define ICMP_ECHO           8
#define ICMP_TIME_EXCEEDED  11
#define ICMP_PARAMETERPROB  12
#define ICMP_TIMESTAMP      13
#define ICMP_TIMESTAMPREPLY 14
#define ICMP_INFO_REQUEST   15
#define ICMP_INFO_REPLY     16
#define ICMP_ADDRESS        17
#define ICMP_ADDRESSREPLY   18
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY   129

#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_OFFSET_MASK    0x1fff /* in units of 8 bytes */

/* The same 8 bytes begin every ICMP and ICMPv6 message; id counts for queries and replies only. */
struct icmp_header {
	__u8 type, code;
	__be16 checksum;
	__be16 id, sequence;
};

struct vlan_header {
	__be16 tci;
	__be16 ethertype;
};

/* IEEE 802.2 LLC with the SNAP extension (RFC 1042). */
struct snap_header {
	__u8 dsap, ssap, control;
	__u8 oui[3];
	__be16 ethertype;
};

static __always_inline int is_vlan_ethertype(__u16 ethertype)
{
	return ethertype == ETH_P_8021Q || ethertype == ETH_P_8021AD ||
	       ethertype == ETHERTYPE_QINQ_OLD;
}

/* A frame whose type field is a length carries LLC. With SNAP the real type follows, and a guest
 * or a lenient receiver takes what is inside as if it were Ethernet II: so do we. */
static __always_inline int parse_llc(struct __sk_buff *skb, struct packet *pkt)
{
	struct snap_header *snap = header_at(skb, pkt->network, sizeof(*snap));

	pkt->ethertype = 0;
	if (!snap || snap->dsap != 0xaa || snap->ssap != 0xaa || snap->control != 0x03)
		return UNDECIDED;
	/* OUI 0: RFC 1042. 00-00-f8: the same through a bridge tunnel (802.1H). */
	if (snap->oui[0] || snap->oui[1] || (snap->oui[2] && snap->oui[2] != 0xf8))
		return UNDECIDED;
	pkt->ethertype = bpf_ntohs(snap->ethertype);
	pkt->network += sizeof(*snap);
	return is_vlan_ethertype(pkt->ethertype) ? REASON_VLAN_TAGS : UNDECIDED;
}

/* Puts the VLANs that the frame is in into the key. A third one has no place there, and two
 * networks must not be taken for one. */
static __always_inline int note_vlans(struct packet *pkt)
{
	__u32 vlans = 0;

#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		__u32 id = pkt->vlan[i];

		if (id == NO_VLAN || !id)
			continue;
		if (!vlans)
			vlans = id << 12;
		else if (!INNER_VLAN(vlans))
			vlans |= id;
		else
			return REASON_VLAN_TAGS;
	}
	set_key_vlans(&pkt->key, vlans);
	return UNDECIDED;
}

static __always_inline int parse_ethernet(struct __sk_buff *skb, struct packet *pkt)
{
	struct ethhdr *eth = header_at(skb, 0, sizeof(*eth));
	struct vlan_header *tag;

	if (!eth)
		return REASON_TRUNCATED;
	__builtin_memcpy(pkt->source_mac, eth->h_source, ETH_ALEN);
	pkt->ethertype = bpf_ntohs(eth->h_proto);
	pkt->network = sizeof(*eth);
	pkt->vlan[0] = skb->vlan_present ? skb->vlan_tci & 0xfff : NO_VLAN;
	pkt->vlan[1] = NO_VLAN;
	pkt->vlan[2] = NO_VLAN;

#pragma unroll
	for (int i = 1; i < VLAN_TAGS_MAX; i++) {
		if (!is_vlan_ethertype(pkt->ethertype))
			break;
		tag = header_at(skb, pkt->network, sizeof(*tag));
		if (!tag)
			return REASON_TRUNCATED;
		pkt->vlan[i] = bpf_ntohs(tag->tci) & 0xfff;
		pkt->ethertype = bpf_ntohs(tag->ethertype);
		pkt->network += sizeof(*tag);
	}
	if (is_vlan_ethertype(pkt->ethertype) || note_vlans(pkt) != UNDECIDED)
		return REASON_VLAN_TAGS;
	if (pkt->ethertype < FIRST_ETHERTYPE)
		return parse_llc(skb, pkt);
	return UNDECIDED;
}

/* Length of the network layer's packet: what its header says, except for a segmentation-offload
 * super-packet of over 64 KiB, whose 16-bit field is 0 (kernel BIG TCP, 5.19 and later). */
static __always_inline __u32 said_length(struct __sk_buff *skb, __be16 field, __u32 present)
{
	if (!field && skb->gso_size)
		return present;
	return bpf_ntohs(field);
}

static __always_inline int parse_ipv4(struct __sk_buff *skb, enum direction direction,
				      struct packet *pkt)
{
	struct iphdr *ip = header_at(skb, pkt->network, sizeof(*ip));
	__u32 header, total, present = pkt->length - pkt->network;
	__u16 fragment;

	if (!ip)
		return REASON_TRUNCATED;
	header = ip->ihl * 4;
	if (ip->version != 4 || header < sizeof(*ip))
		return REASON_BAD_HEADER;
	total = said_length(skb, ip->tot_len, present);
	if (total < header || total > present)
		return REASON_BAD_LENGTH;

	pkt->family = 4;
	pkt->hop_limit = ip->ttl;
	pkt->key.protocol = ip->protocol;
	set_ipv4(source_of(&pkt->key, direction), ip->saddr);
	set_ipv4(destination_of(&pkt->key, direction), ip->daddr);
	pkt->transport = pkt->network + header;
	pkt->transport_length = total - header;

	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & (IPV4_MORE_FRAGMENTS | IPV4_OFFSET_MASK)) {
		pkt->fragment_id = bpf_ntohs(ip->id);
		pkt->fragment_offset = (fragment & IPV4_OFFSET_MASK) * 8;
		pkt->fragment_end = pkt->fragment_offset + pkt->transport_length;
		pkt->fragment = pkt->fragment_offset ? FRAGMENT_LATER : FRAGMENT_FIRST;
	}
	return UNDECIDED;
}

/* What the first 8 bytes of an extension header can be. */
struct extension {
	__u8 next;
	__u8 length; /* unit depends on the header */
	union {
		__u8 routing_type;
		__be16 fragment; /* offset in the upper 13 bits, "more" in bit 0 */
	};
	__be32 fragment_id;
};

static __always_inline int is_extension(__u8 next)
{
	return next == NEXT_HEADER_HOP_BY_HOP || next == NEXT_HEADER_ROUTING ||
	       next == NEXT_HEADER_FRAGMENT || next == NEXT_HEADER_AH ||
	       next == NEXT_HEADER_DESTINATION;
}

static __always_inline __u32 extension_bytes(__u8 kind, __u8 length)
{
	if (kind == NEXT_HEADER_FRAGMENT)
		return 8;
	if (kind == NEXT_HEADER_AH) /* RFC 4302, 2.2 */
		return (length + 2) * 4;
	return (length + 1) * 8; /* RFC 8200, 4 */
}

/* One step along the header chain. pkt->key.protocol is the kind of the header at
 * pkt->transport; both move on. */
static __always_inline int parse_extension(struct __sk_buff *skb, struct packet *pkt, int position)
{
	struct extension *extension;
	__u8 kind = pkt->key.protocol;
	__u32 bytes;

	/* Hop-by-hop options only come first (RFC 8200, 4.1). */
	if (kind == NEXT_HEADER_HOP_BY_HOP && position)
		return REASON_EXTENSION_HEADER;
	/* A first fragment has all of the chain (RFC 7112). */
	if (pkt->transport_length < sizeof(*extension))
		return pkt->fragment ? REASON_FRAGMENT_TINY : REASON_BAD_LENGTH;
	extension = header_at(skb, pkt->transport, sizeof(*extension));
	if (!extension)
		return REASON_TRUNCATED;
	if (kind == NEXT_HEADER_ROUTING && extension->routing_type == ROUTING_TYPE_0)
		return REASON_ROUTING_HEADER;
	bytes = extension_bytes(kind, extension->length);
	if (bytes > pkt->transport_length)
		return pkt->fragment ? REASON_FRAGMENT_TINY : REASON_BAD_LENGTH;

	if (kind == NEXT_HEADER_FRAGMENT) {
		__u16 field = bpf_ntohs(extension->fragment);

		/* A fragment of a fragment is nothing that a stack makes. */
		if (pkt->fragment)
			return REASON_EXTENSION_HEADER;
		pkt->fragment_id = bpf_ntohl(extension->fragment_id);
		pkt->fragment_offset = field & 0xfff8;
		pkt->fragment_end = pkt->fragment_offset + pkt->transport_length - bytes;
		if (pkt->fragment_offset)
			pkt->fragment = FRAGMENT_LATER;
		else if (field & 1)
			pkt->fragment = FRAGMENT_FIRST; /* else an atomic fragment, RFC 6946 */
	}
	pkt->key.protocol = extension->next;
	pkt->transport += bytes;
	pkt->transport_length -= bytes;
	return UNDECIDED;
}

/* ::ffff:a.b.c.d is how keys spell IPv4; on the wire no host may use it (RFC 4291, 2.5.5.2, and
 * Linux drops it), so an IPv6 packet cannot pass for a packet of an IPv4 session. */
static __always_inline int is_ipv4_mapped(const __be32 *address)
{
	return !address[0] && !address[1] && address[2] == bpf_htonl(0xffff);
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, enum direction direction,
				      struct packet *pkt)
{
	struct ipv6hdr *ip = header_at(skb, pkt->network, sizeof(*ip));
	__u32 payload, present = pkt->length - pkt->network - sizeof(*ip);
	int reason;

	if (!ip)
		return REASON_TRUNCATED;
	if (ip->version != 6 || is_ipv4_mapped(ip->saddr.in6_u.u6_addr32) ||
	    is_ipv4_mapped(ip->daddr.in6_u.u6_addr32))
		return REASON_BAD_HEADER;
	payload = said_length(skb, ip->payload_len, present);
	if (payload > present)
		return REASON_BAD_LENGTH;

	pkt->family = 6;
	pkt->hop_limit = ip->hop_limit;
	pkt->key.protocol = ip->nexthdr;
	copy_address(source_of(&pkt->key, direction), ip->saddr.in6_u.u6_addr32);
	copy_address(destination_of(&pkt->key, direction), ip->daddr.in6_u.u6_addr32);
	pkt->transport = pkt->network + sizeof(*ip);
	pkt->transport_length = payload;

	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		if (!is_extension(pkt->key.protocol) || pkt->fragment == FRAGMENT_LATER)
			return UNDECIDED;
		reason = parse_extension(skb, pkt, i);
		if (reason != UNDECIDED)
			return reason;
	}
	return is_extension(pkt->key.protocol) ? REASON_EXTENSION_HEADER : UNDECIDED;
}

#define TCP_FLAGS_AT 13 /* byte of the header */

/* `payload`: bytes behind the TCP header. Of a first fragment they are not all: its rest may carry
 * as much more as a datagram can hold. */
static __always_inline void read_segment(const struct tcphdr *tcp, __u32 payload, int fragment,
					 struct segment *segment)
{
	__u32 flags = ((const __u8 *)tcp)[TCP_FLAGS_AT], sequence = bpf_ntohl(tcp->seq);

	segment->sequence = sequence;
	segment->end = sequence + payload + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
	segment->reach = fragment ? sequence + 0xffff : segment->end;
	segment->acknowledgment = bpf_ntohl(tcp->ack_seq);
	segment->window = bpf_ntohs(tcp->window);
	segment->flags = flags;
}

static __always_inline int parse_tcp(struct __sk_buff *skb, enum direction direction,
				     struct packet *pkt)
{
	struct tcphdr *tcp = header_at(skb, pkt->transport, sizeof(*tcp));

	if (!tcp)
		return REASON_TRUNCATED;
	pkt->tcp_header = tcp->doff * 4;
	if (pkt->tcp_header < sizeof(*tcp))
		return REASON_BAD_HEADER;
	if (pkt->tcp_header > pkt->transport_length)
		return pkt->fragment ? REASON_FRAGMENT_TINY : REASON_BAD_LENGTH;
	read_segment(tcp, pkt->transport_length - pkt->tcp_header, pkt->fragment, &pkt->tcp);
	pkt->l4_port = bpf_ntohs(tcp->dest);
	pkt->l4_source = bpf_ntohs(tcp->source);
	set_l4_ports(pkt, direction, tcp->source, tcp->dest);
	return UNDECIDED;
}

/* UDP, UDP-Lite and SCTP start with the same two ports. Checksums are never looked at: those of
 * packets from this host are partial. */
static __always_inline int parse_l4_ports(struct __sk_buff *skb, enum direction direction,
					  struct packet *pkt)
{
	struct udphdr *udp = header_at(skb, pkt->transport, sizeof(*udp));
	__u32 length;

	if (!udp)
		return REASON_TRUNCATED;
	if (pkt->key.protocol == IPPROTO_UDP) {
		/* 0 stands for a jumbogram (RFC 2675), which only offloads make here. */
		length = bpf_ntohs(udp->len);
		if (length ? length < sizeof(*udp) : !skb->gso_size)
			return REASON_BAD_LENGTH;
		if (length > pkt->transport_length && !pkt->fragment)
			return REASON_BAD_LENGTH;
	}
	pkt->l4_port = bpf_ntohs(udp->dest);
	pkt->l4_source = bpf_ntohs(udp->source);
	set_l4_ports(pkt, direction, udp->source, udp->dest);
	return UNDECIDED;
}

/* ICMP (RFC 792, 950, 8335) by type. */
static __always_inline enum icmp_class classify_icmp(__u8 type)
{
	switch (type) {
	case ICMP_ECHO:
	case ICMP_TIMESTAMP:
	case ICMP_INFO_REQUEST:
	case ICMP_ADDRESS:
	case 42: /* extended echo */
		return ICMP_CLASS_QUERY;
	case ICMP_ECHOREPLY:
	case ICMP_TIMESTAMPREPLY:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESSREPLY:
	case 43:
		return ICMP_CLASS_REPLY;
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return ICMP_CLASS_ERROR;
	default:
		return ICMP_CLASS_OTHER;
	}
}

/* ICMPv6 (RFC 4443, 8335) by type: all below 128 are errors. */
static __always_inline enum icmp_class classify_icmpv6(__u8 type)
{
	if (type < 128)
		return ICMP_CLASS_ERROR;
	if (type == ICMPV6_ECHO_REQUEST || type == 160)
		return ICMP_CLASS_QUERY;
	if (type == ICMPV6_ECHO_REPLY || type == 161)
		return ICMP_CLASS_REPLY;
	return ICMP_CLASS_OTHER;
}

/* The query type that a reply type answers. */
static __always_inline __u8 query_type(__u8 family, __u8 reply)
{
	if (family == 4 && reply == ICMP_ECHOREPLY)
		return ICMP_ECHO;
	return reply - 1;
}

/* A query's session: the identifier is the asking side's port, the query's type the other's, so
 * that pings in both directions between two hosts stay apart even with equal identifiers. What is
 * neither query nor reply has a type only: leave for one type is none for another. */
static __always_inline int parse_icmp(struct __sk_buff *skb, enum direction direction,
				      struct packet *pkt)
{
	struct icmp_header *icmp = header_at(skb, pkt->transport, sizeof(*icmp));

	/* Each protocol belongs to its family. */
	if ((pkt->key.protocol == IPPROTO_ICMP) != (pkt->family == 4))
		return REASON_BAD_HEADER;
	if (!icmp)
		return REASON_TRUNCATED;
	pkt->icmp_type = icmp->type;
	pkt->icmp_class =
		pkt->family == 4 ? classify_icmp(icmp->type) : classify_icmpv6(icmp->type);
	pkt->l4_port = icmp->type << 8 | icmp->code;
	if (pkt->icmp_class == ICMP_CLASS_QUERY)
		set_l4_ports(pkt, direction, icmp->id, bpf_htons(icmp->type));
	else if (pkt->icmp_class == ICMP_CLASS_REPLY)
		set_l4_ports(pkt, direction, bpf_htons(query_type(pkt->family, icmp->type)),
			     icmp->id);
	else
		set_l4_ports(pkt, direction, 0, bpf_htons(icmp->type));
	return UNDECIDED;
}

/* A fragment that is not the first has no transport header to read: see fragment.h. */
static __always_inline int parse_transport(struct __sk_buff *skb, enum direction direction,
					   struct packet *pkt)
{
	__u32 least;

	switch (pkt->key.protocol) {
	case IPPROTO_TCP:
		least = sizeof(struct tcphdr);
		break;
	case PROTOCOL_SCTP:
		least = 12;
		break;
	case IPPROTO_UDP:
	case PROTOCOL_UDPLITE:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		least = 8;
		break;
	default:
		return UNDECIDED;
	}
	if (pkt->transport_length < least)
		return pkt->fragment ? REASON_FRAGMENT_TINY : REASON_BAD_LENGTH;

	if (pkt->key.protocol == IPPROTO_TCP)
		return parse_tcp(skb, direction, pkt);
	if (pkt->key.protocol == IPPROTO_ICMP || pkt->key.protocol == IPPROTO_ICMPV6)
		return parse_icmp(skb, direction, pkt);
	return parse_l4_ports(skb, direction, pkt);
}

#endif

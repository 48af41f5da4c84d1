/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * parsed_packet.h - struct packet: what the parser found out, and all that the later steps know of
 * a frame. One struct serves IPv4, IPv6, ARP and the rest, filled once, passed by pointer.
 */
#ifndef VMSEG_BPF_PARSED_PACKET_H
#define VMSEG_BPF_PARSED_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* What a step returns when it has no objection: the packet goes on to the next step. Any other
 * value is the enum reason that ends the packet's story. */
#define UNDECIDED (-1)

#define NO_VLAN       0xffff
#define VLAN_TAGS_MAX 3 /* one in skb metadata, two in the frame */

enum fragment_kind {
	FRAGMENT_NONE = 0,
	FRAGMENT_FIRST, /* offset 0, more to come: has the transport header */
	FRAGMENT_LATER, /* has none */
};

enum icmp_class {
	ICMP_CLASS_NONE = 0, /* not ICMP */
	ICMP_CLASS_QUERY,    /* opens a session by its identifier */
	ICMP_CLASS_REPLY,    /* answers one */
	ICMP_CLASS_ERROR,    /* carries the packet that it is about */
	ICMP_CLASS_OTHER,
};

/* TCP flags as in the header's 14th byte. */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

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

#define L4_PORT_DHCP_CLIENT   68
#define L4_PORT_DHCP_SERVER   67
#define L4_PORT_DHCPV6_CLIENT 546

/* What the TCP state machine needs of a segment; host byte order. */
struct segment {
	__u32 sequence;
	__u32 end;   /* sequence number behind it: payload, SYN and FIN count */
	__u32 reach; /* the same; of a first fragment, how far its unseen rest may reach */
	__u32 acknowledgment;
	__u32 window; /* as the header says it, not scaled */
	__u32 flags;  /* TCP_* */
};

/* Lives in scratch_map, not on the stack: what the verifier reads back from a map it takes as
 * unknown, so paths that differ only in values found on the way meet again. On the stack every
 * header offset would be followed to the end on its own, beyond the verifier's limit. */
struct packet {
	struct session_key key; /* complete once the transport header is parsed */
	__u32 length;           /* frame bytes without FCS */
	__u32 now;              /* low 32 bits of jiffies */
	__u32 network;          /* offset of the IP or ARP header, bytes from the MAC header */
	__u32 transport;        /* offset of the transport header */
	__u32 transport_length; /* bytes of the IP payload from there on */
	struct segment tcp;
	__u32 fragment_id;     /* host byte order */
	__u32 fragment_end;    /* where the fragment ends in the datagram, bytes */
	__u16 fragment_offset; /* where it starts, bytes */
	__u16 ethertype;       /* host byte order, of the innermost header; 0: LLC without SNAP */
	__u16 l4_port;   /* for policy: destination port, or ICMP type * 256 + code; host order */
	__u16 l4_source; /* for policy; host byte order */
	__u16 vlan[VLAN_TAGS_MAX]; /* ids, NO_VLAN where there is no tag */
	__u8 source_mac[ETH_ALEN];
	__u8 tcp_header; /* bytes */
	__u8 family;     /* 4, 6, or 0 for what is not IP */
	__u8 hop_limit;  /* or TTL */
	__u8 fragment;   /* enum fragment_kind */
	__u8 icmp_class; /* enum icmp_class */
	__u8 icmp_type;
	__u8 reason; /* how the story ended; enum reason */
	/* From here on not blanked for each packet.
	 * Arguments of the functions that the verifier checks on their own: see ask_policy(),
	 * is_claim_valid() and send_event(). Kernel 5.10 lets them take numbers only. */
	__u32 scratch;       /* where this packet is in scratch_map */
	__u32 record;        /* of the port in port_map */
	__be32 claimed[4];   /* address: is it the port's? */
	__u16 asked_l4_port; /* what the policy is asked, beside the key; host byte order */
	__u16 asked_l4_source;
	__u8 asked_direction; /* enum direction */
	__u8 dry;
	__u8 event_kind; /* enum event_kind */
	__u8 event_reason;
	__u8 event_direction;
	__u8 event_audit;
	__u32 event_verdict;
} __attribute__((aligned(8)));

/* Which: of the frame itself, of the packet inside an ICMP error, or
 * of a session that is looked at without a packet. */
enum packet_place { PACKET_OUTER = 0, PACKET_INNER = 4, PACKET_EXPIRING = 8 };

/* Index of a program's packet in scratch_map. */
static __always_inline __u32 scratch_index(enum direction direction, enum packet_place place,
					   int dry)
{
	return direction + 2 * dry + place;
}

/* Two for each program and one for expire_sessions: a dry run is not in softirq context and may be
 * interrupted by the others, which are not interrupted by each other (both run with bottom halves
 * off). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 9);
	__type(key, __u32);
	__type(value, struct packet);
} scratch_map SEC(".maps");

/* A blank struct packet for this frame; NULL never happens, but the verifier asks. */
static __always_inline struct packet *start_packet(struct __sk_buff *skb, enum direction direction,
						   enum packet_place place, int dry)
{
	__u32 which = scratch_index(direction, place, dry);
	struct packet *pkt = bpf_map_lookup_elem(&scratch_map, &which);

	if (!pkt)
		return NULL;
	__builtin_memset(pkt, 0, __builtin_offsetof(struct packet, scratch));
	pkt->scratch = which;
	pkt->dry = dry;
	pkt->length = skb->len;
	pkt->now = (__u32)bpf_jiffies64(); /* 0.3 ns; nanoseconds would cost 30 */
	return pkt;
}

/* A 32-bit load from the context at a fixed offset, spelled out: left alone, the compiler keeps
 * `skb + offset` in a register, and the verifier refuses modified context pointers. */
#define LOAD_CONTEXT(skb, field)                                                                   \
	({                                                                                         \
		__u64 loaded_;                                                                     \
		asm volatile("%[to] = *(u32 *)(%[from] + %[at])"                                   \
			     : [to] "=r"(loaded_)                                                  \
			     : [from] "r"(skb), [at] "i"(__builtin_offsetof(struct __sk_buff,      \
									    field)));              \
		loaded_;                                                                           \
	})

/* How far into a frame headers are looked for. */
#define HEADERS_MAX 256

/* Makes the first HEADERS_MAX bytes readable in place. Frames usually are; segmentation-offload
 * super-packets may have no more than their headers in the linear part. A copy that fails (no
 * memory) shows as a truncated frame. */
static __always_inline void make_headers_linear(struct __sk_buff *skb)
{
	__u32 wanted = skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX;

	if (LOAD_CONTEXT(skb, data) + wanted > LOAD_CONTEXT(skb, data_end))
		bpf_skb_pull_data(skb, wanted);
}

/* `length` bytes at `offset` (at most 0x7fff) from the first byte, in place; NULL when the frame,
 * or its linear part, is shorter. */
static __always_inline void *read_at(struct __sk_buff *skb, __u32 offset, __u32 length)
{
	void *data = (void *)LOAD_CONTEXT(skb, data);
	void *end = (void *)LOAD_CONTEXT(skb, data_end);

	return data + offset + length <= end ? data + offset : NULL;
}

/* A header; NULL also when it begins beyond HEADERS_MAX. */
static __always_inline void *header_at(struct __sk_buff *skb, __u32 offset, __u32 length)
{
	if (offset > HEADERS_MAX)
		return NULL;
	/* The compiler may compare one copy of the offset and use another, whose bound older
	 * verifiers (5.10) then do not know: the mask tells them. */
	asm volatile("%[offset] &= %[mask]"
		     : [offset] "+r"(offset)
		     : [mask] "i"(2 * HEADERS_MAX - 1));
	return read_at(skb, offset, length);
}

/* The packet's sender and receiver in a key that is written from the VM's point of view. */
static __always_inline __be32 *source_of(struct session_key *key, enum direction direction)
{
	return direction == DIRECTION_OUT ? key->local : key->remote;
}

static __always_inline __be32 *destination_of(struct session_key *key, enum direction direction)
{
	return direction == DIRECTION_OUT ? key->remote : key->local;
}

static __always_inline void set_ipv4(__be32 *address, __be32 ipv4)
{
	address[0] = 0;
	address[1] = 0;
	address[2] = bpf_htonl(0xffff);
	address[3] = ipv4;
}

/* No address: 0.0.0.0 for a family of 4, else ::. */
static __always_inline void set_unspecified(__be32 *address, __u8 family)
{
	address[0] = 0;
	address[1] = 0;
	address[2] = family == 4 ? bpf_htonl(0xffff) : 0;
	address[3] = 0;
}

static __always_inline void copy_address(__be32 *to, const __be32 *from)
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

static __always_inline int same_address(const __be32 *a, const __be32 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline int same_mac(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] &&
	       a[5] == b[5];
}

static __always_inline void set_l4_ports(struct packet *pkt, enum direction direction,
					 __be16 source, __be16 destination)
{
	pkt->key.local_port = direction == DIRECTION_OUT ? source : destination;
	pkt->key.remote_port = direction == DIRECTION_OUT ? destination : source;
}

/* ---- what kind of packet it is --------------------------------------------------------------- */

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

#endif

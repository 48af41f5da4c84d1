/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * fast_path.h - the packet that nearly all packets are, in a straight line: Ethernet, IPv4 without
 * options or IPv6 without extension headers, TCP or UDP, of a live session that the policy in force
 * has judged, and which the packet changes in nothing but its counters, time and windows.
 *
 * It decides nothing of its own. Whatever is not plainly so goes the whole way in vmseg.bpf.c,
 * which would say "established" of every packet that is let through here; tests/model holds both to
 * it. What makes it worth having: offsets are constants, so nothing need be kept in a map for the
 * verifier's sake, and the key is made of whole words, which the hash can read back at once.
 */
#ifndef VMSEG_BPF_FAST_PATH_H
#define VMSEG_BPF_FAST_PATH_H

#include "bpf/checksum_offload.h"
#include "bpf/session.h"
#include "bpf/stats.h"

#define IPV4_PLAIN         0x45   /* version 4, five words of header */
#define IPV4_DONT_FRAGMENT 0x4000 /* the only one of the field's bits that a whole datagram has */

/* What the fast path knows of a packet. */
struct fast_packet {
	struct session_key key;
	void *transport; /* the TCP or UDP header; 8 bytes are there */
	__u32 offset;    /* of the transport header, bytes from the frame's first one */
	__u32 length;    /* bytes of the IP payload */
	__u8 protocol;
};

/* By halves: the frame begins at an even address, no more can be said. */
static __always_inline int is_ports_mac(const struct port *port, const struct ethhdr *eth)
{
	const __u16 *source = (const __u16 *)eth->h_source, *own = (const __u16 *)port->mac;

	return source[0] == own[0] && source[1] == own[1] && source[2] == own[2];
}

static __always_inline int read_fast_ipv4(struct iphdr *ip, void *end, enum direction direction,
					  __u32 present, struct fast_packet *fast)
{
	__u32 total;

	if ((void *)(ip + 1) + sizeof(struct udphdr) > end)
		return 0;
	total = bpf_ntohs(ip->tot_len);
	if (*(__u8 *)ip != IPV4_PLAIN || (ip->frag_off & ~bpf_htons(IPV4_DONT_FRAGMENT)) ||
	    total < sizeof(*ip) || total > present)
		return 0;
	set_ipv4(source_of(&fast->key, direction), ip->saddr);
	set_ipv4(destination_of(&fast->key, direction), ip->daddr);
	fast->transport = ip + 1;
	fast->offset = sizeof(struct ethhdr) + sizeof(*ip);
	fast->length = total - sizeof(*ip);
	fast->protocol = ip->protocol;
	return 1;
}

static __always_inline int read_fast_ipv6(struct ipv6hdr *ip, void *end, enum direction direction,
					  __u32 present, struct fast_packet *fast)
{
	const __be32 *source, *destination;

	if ((void *)(ip + 1) + sizeof(struct udphdr) > end)
		return 0;
	source = ip->saddr.in6_u.u6_addr32;
	destination = ip->daddr.in6_u.u6_addr32;
	fast->length = bpf_ntohs(ip->payload_len);
	/* Addresses that begin with zeros: IPv4-mapped ones and none at all are among them. */
	if (ip->version != 6 || !fast->length || fast->length + sizeof(*ip) > present ||
	    !source[0] || !destination[0])
		return 0;
	copy_address(source_of(&fast->key, direction), source);
	copy_address(destination_of(&fast->key, direction), destination);
	fast->transport = ip + 1;
	fast->offset = sizeof(struct ethhdr) + sizeof(*ip);
	fast->protocol = ip->nexthdr;
	return 1;
}

/* Both ports at once, and the protocol with the VLANs beside it: the frame has no tag. */
static __always_inline void set_fast_l4_ports(struct fast_packet *fast, enum direction direction)
{
	__u32 ports = *(__u32 *)fast->transport;
	__u32 *key_ports = (__u32 *)&fast->key.remote_port;
	__u32 *key_protocol = (__u32 *)&fast->key.protocol;

	/* On the wire the sender's comes first, in the key the remote's. */
	*key_ports = direction == DIRECTION_OUT ? ports << 16 | ports >> 16 : ports;
	*key_protocol = bpf_htonl((__u32)fast->protocol << 24);
}

_Static_assert(__builtin_offsetof(struct session_key, local_port) ==
		       __builtin_offsetof(struct session_key, remote_port) + 2,
	       "set_fast_l4_ports() writes both");

/* Fills *segment and answers whether it is one that only carries data or an acknowledgment. */
static __always_inline int is_plain_segment(const struct fast_packet *fast, void *end,
					    struct segment *segment)
{
	const __u32 kinds = TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK;
	const struct tcphdr *tcp = fast->transport;
	__u32 header;

	if ((void *)(tcp + 1) > end)
		return 0;
	header = tcp->doff * 4;
	if (header < sizeof(*tcp) || header > fast->length)
		return 0;
	read_segment(tcp, fast->length - header, 0, segment);
	return (segment->flags & kinds) == TCP_ACK;
}

static __always_inline int is_plain_datagram(const struct fast_packet *fast,
					     enum direction direction)
{
	const struct udphdr *udp = fast->transport;
	__u32 length = bpf_ntohs(udp->len);

	if (length < sizeof(*udp) || length > fast->length)
		return 0;
	/* What a DHCP server says to its clients is for a guard to judge. */
	return direction == DIRECTION_IN || (udp->dest != bpf_htons(L4_PORT_DHCP_CLIENT) &&
					     udp->dest != bpf_htons(L4_PORT_DHCPV6_CLIENT));
}

/* Reads Ethernet and IP; answers whether they are of the usual kind. *ret_end: of what is readable.
 */
static __always_inline int read_fast_packet(struct __sk_buff *skb, enum direction direction,
					    const struct port *port, struct fast_packet *fast,
					    void **ret_end)
{
	void *data = (void *)LOAD_CONTEXT(skb, data), *end = (void *)LOAD_CONTEXT(skb, data_end);
	__u32 present = skb->len - sizeof(struct ethhdr);
	struct ethhdr *eth = data;

	*ret_end = end;
	if ((void *)(eth + 1) > end || skb->vlan_present)
		return 0;
	if (direction == DIRECTION_OUT && (port->guards & GUARD_MAC) && !is_ports_mac(port, eth))
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return read_fast_ipv4((void *)(eth + 1), end, direction, present, fast);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return read_fast_ipv6((void *)(eth + 1), end, direction, present, fast);
	return 0;
}

/* The packet's session if it is live, the policy in force has judged it, and the guard its local
 * address. */
static __always_inline struct session *find_fast_session(struct judgement *judgement,
							 enum direction direction, __u32 now,
							 const struct fast_packet *fast)
{
	struct session *session = bpf_map_lookup_elem(judgement->table, &fast->key);

	if (!session) {
		judgement->is_stranger = 1;
		return NULL;
	}
	if (is_expired(session, now, judgement->settings) ||
	    session->generation != judgement->port->generation)
		return NULL;
	return direction == DIRECTION_IN || (session->flags & SESSION_GUARDED) ? session : NULL;
}

/* Of an established connection, whose end is not in sight: moves the windows. */
static __always_inline int follow_fast_segment(struct session *session, enum direction direction,
					       const struct segment *segment)
{
	struct tcp_window *sender = &session->window[direction];
	const struct tcp_window *receiver = &session->window[!direction];

	if (session->state != STATE_TCP_ESTABLISHED || session->fin[0] || session->fin[1] ||
	    !is_in_window(sender, receiver, segment))
		return 0;
	move_windows(sender, receiver, segment, session->scale[direction]);
	return 1;
}

/* The session that lets the packet through, or NULL. */
static __always_inline struct session *follow_fast_session(struct judgement *judgement,
							   enum direction direction, __u32 now,
							   const struct fast_packet *fast,
							   void *end)
{
	struct session *session;
	struct segment segment;

	if (fast->protocol == IPPROTO_TCP) {
		if (!is_plain_segment(fast, end, &segment))
			return NULL;
		session = find_fast_session(judgement, direction, now, fast);
		if (session && follow_fast_segment(session, direction, &segment))
			return session;
	} else if (fast->protocol == IPPROTO_UDP && is_plain_datagram(fast, direction)) {
		session = find_fast_session(judgement, direction, now, fast);
		/* The first answer changes the session's state. */
		if (session && (session->state == STATE_REPLIED || !is_answer(session, direction)))
			return session;
	}
	return NULL;
}

/* Answers whether the packet is let through; it has been counted then. Else nothing has changed. */
static __always_inline int take_fast_path(struct __sk_buff *skb, enum direction direction,
					  struct judgement *judgement)
{
	const struct port *port = judgement->port;
	__u32 now = (__u32)bpf_jiffies64();
	struct fast_packet fast;
	struct session *session;
	void *end;

	if ((port->flags & PORT_QUARANTINE) || !read_fast_packet(skb, direction, port, &fast, &end))
		return 0;
	if (judgement->pending_checksum &&
	    !is_checksum_place(judgement->pending_checksum - (__s32)fast.offset, fast.protocol))
		return 0;
	set_fast_l4_ports(&fast, direction);
	session = follow_fast_session(judgement, direction, now, &fast, end);
	if (!session)
		return 0;
	touch_session(session, now, skb->len, direction, 1);
	count_packet(port->slot, direction, REASON_ESTABLISHED, skb->len, 0);
	return 1;
}

#endif

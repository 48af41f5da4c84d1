/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * related.h - packets that belong to a live session without having its key: ICMP errors about one
 * of its packets, and answers to what the guest asked a multicast group or everybody.
 */
#ifndef VMSEG_BPF_RELATED_H
#define VMSEG_BPF_RELATED_H

#include "bpf/session.h"

#define ICMP_HEADER_BYTES 8

/* What the guest sends to a group or to everybody is a session with the group, whatever the
 * guest's address (it may have none yet): the key has 0.0.0.0 or :: in its place. */
static __always_inline void widen_multicast_key(struct packet *pkt)
{
	set_unspecified(pkt->key.local, pkt->family);
}

/* ---- ICMP errors ---------------------------------------------------------------------------- */

/* The ports, or the query identifier, of the packet inside an error, which reaches to `end`: only
 * the first 8 bytes of its transport header must be there (RFC 792). */
static __always_inline int parse_inner_transport(struct __sk_buff *skb, enum direction direction,
						 __u32 end, struct packet *inner)
{
	union {
		struct {
			__be16 source, destination;
			__be32 sequence;
		} ports;
		struct icmp_header icmp;
	} * header;

	if (inner->transport + sizeof(*header) > end) /* there may be padding behind it */
		return REASON_TRUNCATED;
	header = header_at(skb, inner->transport, sizeof(*header));
	if (!header)
		return REASON_TRUNCATED;
	switch (inner->key.protocol) {
	case IPPROTO_TCP:
		inner->tcp.sequence = bpf_ntohl(header->ports.sequence);
		/* fallthrough */
	case IPPROTO_UDP:
	case PROTOCOL_UDPLITE:
	case PROTOCOL_SCTP:
		set_l4_ports(inner, direction, header->ports.source, header->ports.destination);
		return UNDECIDED;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		inner->icmp_class = inner->family == 4 ? classify_icmp(header->icmp.type)
						       : classify_icmpv6(header->icmp.type);
		if (inner->icmp_class == ICMP_CLASS_QUERY)
			set_l4_ports(inner, direction, header->icmp.id,
				     bpf_htons(header->icmp.type));
		else if (inner->icmp_class == ICMP_CLASS_REPLY)
			set_l4_ports(inner, direction,
				     bpf_htons(query_type(inner->family, header->icmp.type)),
				     header->icmp.id);
		else
			return REASON_ICMP_STATE; /* no error about an error (RFC 1122, 3.2.2) */
		return UNDECIDED;
	default:
		return UNDECIDED;
	}
}

/* The packet inside the error travelled the other way: its sender is who the error is for. It is
 * cut short by design, at `end`: its own lengths are not looked at. */
static __always_inline int parse_inner(struct __sk_buff *skb, enum direction direction,
				       const struct packet *pkt, __u32 end, struct packet *inner)
{
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} * ip;
	__u32 offset = pkt->transport + ICMP_HEADER_BYTES;

	inner->family = pkt->family;
	set_key_vlans(&inner->key, key_vlans(&pkt->key));
	if (pkt->family == 4) {
		ip = header_at(skb, offset, sizeof(ip->v4));
		if (!ip || offset + sizeof(ip->v4) > end)
			return REASON_TRUNCATED;
		if (ip->v4.version != 4 || ip->v4.ihl < 5)
			return REASON_BAD_HEADER;
		if (ip->v4.frag_off & bpf_htons(IPV4_OFFSET_MASK))
			return REASON_ICMP_STATE; /* RFC 1122, 3.2.2: never about a later fragment
						   */
		set_ipv4(source_of(&inner->key, direction), ip->v4.saddr);
		set_ipv4(destination_of(&inner->key, direction), ip->v4.daddr);
		inner->key.protocol = ip->v4.protocol;
		inner->transport = offset + ip->v4.ihl * 4;
		return UNDECIDED;
	}
	ip = header_at(skb, offset, sizeof(ip->v6));
	if (!ip || offset + sizeof(ip->v6) > end)
		return REASON_TRUNCATED;
	if (ip->v6.version != 6)
		return REASON_BAD_HEADER;
	copy_address(source_of(&inner->key, direction), ip->v6.saddr.in6_u.u6_addr32);
	copy_address(destination_of(&inner->key, direction), ip->v6.daddr.in6_u.u6_addr32);
	inner->key.protocol = ip->v6.nexthdr;
	inner->transport = offset + sizeof(ip->v6);
	inner->transport_length = end - inner->transport;
	for (int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		int reason;

		if (!is_extension(inner->key.protocol))
			return UNDECIDED;
		reason = parse_extension(skb, inner, i);
		if (reason != UNDECIDED)
			return reason;
		if (inner->fragment == FRAGMENT_LATER)
			return REASON_ICMP_STATE;
	}
	return is_extension(inner->key.protocol) ? REASON_EXTENSION_HEADER : UNDECIDED;
}

/* Of a TCP session the embedded sequence number must be one that its sender has in flight, neither
 * acknowledged yet nor never sent (RFC 5927, 4.1): a blind attacker does not know it. */
static __always_inline int is_in_flight(const struct session *session, const struct packet *inner,
					enum direction sender)
{
	const struct tcp_window *window = &session->window[sender];
	const struct tcp_window *peer = &session->window[!sender];
	int answered = peer->max_window && session->state != STATE_SYN_SENT;
	__u32 oldest = answered ? peer->mark : window->mark;

	if (inner->key.protocol != IPPROTO_TCP || (session->flags & SESSION_PICKED_UP))
		return 1;
	/* The latest SYN, which may start the session anew. */
	if ((session->attempt_flags & (ATTEMPT_OUT | ATTEMPT_OPEN)) ==
		    (attempt_by(sender) | ATTEMPT_OPEN) &&
	    inner->tcp.sequence - session->attempt.sequence <= session->attempt.length + 1U)
		return 1;
	/* A side that has not spoken yet has offered no window. */
	return window->max_window && !seq_after(inner->tcp.sequence, window->end) &&
	       !seq_before(inner->tcp.sequence, oldest);
}

/* An ICMP or ICMPv6 error passes if it is about a packet of a live session, sent by the host that
 * the error is addressed to. It neither refreshes nor changes the session. */
static __always_inline int judge_icmp_error(struct __sk_buff *skb, enum direction direction,
					    const struct judgement *judgement,
					    const struct packet *pkt, int dry)
{
	__u32 end = pkt->transport + pkt->transport_length;
	enum direction sent = !direction;
	struct packet *inner = start_packet(skb, direction, PACKET_INNER, dry);
	struct session *session;
	int reason;

	if (!inner)
		return REASON_ICMP_STATE;
	reason = parse_inner(skb, sent, pkt, end, inner);
	if (reason == UNDECIDED)
		reason = parse_inner_transport(skb, sent, end, inner);
	if (reason != UNDECIDED)
		return reason;
	if (!same_address(source_of(&inner->key, sent),
			  direction == DIRECTION_OUT ? pkt->key.remote : pkt->key.local))
		return REASON_ICMP_STATE;
	/* About what went to a group there are such errors too (RFC 4443, 2.4 (e.3)). */
	if (sent == DIRECTION_OUT && is_multicast(inner, inner->key.remote))
		widen_multicast_key(inner);
	session = find_session(judgement, &inner->key, pkt);
	if (!session || session->generation != judgement->port->generation ||
	    !is_in_flight(session, inner, sent))
		return REASON_ICMP_STATE;
	return REASON_RELATED;
}

/* ---- answers to multicast requests ---------------------------------------------------------- */

/* Well-known requests to a group whose answers come from another address: by the server's port. */
static __always_inline int request_group(const struct packet *pkt, __be32 *group)
{
	if (pkt->family == 4) {
		set_ipv4(group, pkt->l4_source == 67 ? 0xffffffff : bpf_htonl(0xe00000fb));
		return (pkt->l4_source == 67 && pkt->l4_port == L4_PORT_DHCP_CLIENT) ||
		       pkt->l4_source == 5353;
	}
	group[1] = 0;
	group[2] = 0;
	if (pkt->l4_source == 547 && pkt->l4_port == L4_PORT_DHCPV6_CLIENT) {
		group[0] = bpf_htonl(0xff020000);
		group[3] = bpf_htonl(0x00010002);
		return 1;
	}
	group[0] = bpf_htonl(0xff020000);
	group[3] = bpf_htonl(0xfb);
	return pkt->l4_source == 5353;
}

/* A UDP packet to the guest that has no session of its own: the answer to a live request? To a
 * group: the guest has sent to that group's port from the same port (mDNS answers, RFC 6762, 6).
 * To the guest: DHCP (RFC 2131, 4.1), DHCPv6 (RFC 8415, 7.1) and mDNS by their ports. */
static __always_inline int judge_answer(const struct judgement *judgement, const struct packet *pkt)
{
	struct session_key key = {};
	struct session *session;

	if (pkt->key.protocol != IPPROTO_UDP)
		return UNDECIDED;
	key.protocol = IPPROTO_UDP;
	set_unspecified(key.local, pkt->family);
	set_key_vlans(&key, key_vlans(&pkt->key));
	key.local_port = pkt->key.local_port;
	key.remote_port = pkt->key.remote_port;
	if (is_multicast(pkt, pkt->key.local) && pkt->l4_source == pkt->l4_port)
		copy_address(key.remote, pkt->key.local);
	else if (!request_group(pkt, key.remote))
		return UNDECIDED;
	session = find_session(judgement, &key, pkt);
	if (!session || session->generation != judgement->port->generation ||
	    !(session->flags & SESSION_OPENED_OUT))
		return UNDECIDED;
	return REASON_RELATED;
}

#endif

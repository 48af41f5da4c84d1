/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * packet.h - struct packet: what the parser found out, and all that the later steps know of a
 * frame. One struct serves IPv4, IPv6, ARP and the rest, filled once, passed by pointer.
 */
#ifndef VMSEG_BPF_PACKET_H
#define VMSEG_BPF_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

/* What a step returns when it has no objection: the packet goes on to the next step. Any other
 * value is the enum reason that ends the packet's story. */
#define UNDECIDED (-1)

#define NO_VLAN 0xffff
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

struct packet {
	struct session_key key; /* complete once the transport header is parsed */
	__u32 length;           /* frame bytes without FCS */
	__u32 now;              /* low 32 bits of jiffies */
	__u32 network;          /* offset of the IP or ARP header, bytes from the MAC header */
	__u32 transport;        /* offset of the transport header */
	__u32 transport_length; /* bytes of the IP payload from there on */
	__u32 sequence;         /* TCP, host byte order */
	__u32 acknowledgment;
	__u32 fragment_id;      /* host byte order */
	__u16 fragment_offset;  /* bytes */
	__u16 window;           /* TCP, unscaled */
	__u16 ethertype;        /* host byte order, of the innermost header; 0: LLC without SNAP */
	__u16 port;             /* for policy: destination port, or ICMP type * 256 + code; host order */
	__u16 source_port;      /* for policy; host byte order */
	__u16 vlan[VLAN_TAGS_MAX]; /* ids, NO_VLAN where there is no tag */
	__u8 source_mac[ETH_ALEN];
	__u8 tcp_flags;
	__u8 tcp_header; /* bytes */
	__u8 family;     /* 4, 6, or 0 for what is not IP */
	__u8 hop_limit;  /* or TTL */
	__u8 fragment;   /* enum fragment_kind */
	__u8 icmp_class; /* enum icmp_class */
	__u8 icmp_type;
};

/* `length` bytes at `offset`: in the packet itself where they are linear (the usual case, and
 * thirteen times cheaper than a copy), else copied to `buffer`. NULL when the frame is shorter. */
static __always_inline void *header_at(struct __sk_buff *skb, __u32 offset, __u32 length,
				       void *buffer)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	/* Keeps the verifier's idea of a packet offset (MAX_PACKET_OFF) in range. */
	if (offset > 0x7fff)
		return NULL;
	if (data + offset + length <= end)
		return data + offset;
	if (bpf_skb_load_bytes(skb, offset, buffer, length))
		return NULL;
	return buffer;
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

static __always_inline void set_ports(struct packet *pkt, enum direction direction, __be16 source,
				      __be16 destination)
{
	pkt->key.local_port = direction == DIRECTION_OUT ? source : destination;
	pkt->key.remote_port = direction == DIRECTION_OUT ? destination : source;
}

#endif

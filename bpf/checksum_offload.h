/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * checksum_offload.h - the 16 bits of a frame that the kernel or a device writes after the verdict.
 *
 * A sender may leave the checksum to the device that sends the frame in the end (ip_summed is
 * CHECKSUM_PARTIAL: include/linux/skbuff.h). A guest does so by the header of virtio-net
 * (VIRTIO_NET_HDR_F_NEEDS_CSUM), and it chooses both where the sum begins and where it is written.
 * So it can choose the value, too. If the place were anything that vmseg reads, the receiver would
 * get another frame than the one that was judged: another port, another sender.
 *
 * Only the checksum field of the transport header may be written, and bytes that vmseg does not
 * read: a guest's tunnel has the inner packet's checksum there.
 */
#ifndef VMSEG_BPF_CHECKSUM_OFFLOAD_H
#define VMSEG_BPF_CHECKSUM_OFFLOAD_H

#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "bpf/parse_packet.h"

#define CHECKSUM_PARTIAL 3 /* include/linux/skbuff.h */

/* The members of the kernel's struct sk_buff that are read; libbpf finds where they are. */
struct sk_buff {
	__u8 ip_summed : 2;
	__u16 csum_start;  /* where the sum begins, from the buffer's head */
	__u16 csum_offset; /* from there to where it is written */
	__u16 mac_header;  /* the frame's first byte, from the buffer's head */
} __attribute__((preserve_access_index));

/* Bytes from the frame's first one to the checksum that is still to be written; 0: there is none.
 * A place before the frame is negative. */
static __always_inline __s32 find_pending_checksum(struct __sk_buff *ctx)
{
	/* The context of a TC program is the buffer; programs see it by the fields of __sk_buff. */
	struct sk_buff *skb = (struct sk_buff *)ctx;
	__s32 place;

	if (BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed) != CHECKSUM_PARTIAL)
		return 0;
	place = (__s32)BPF_CORE_READ(skb, csum_start) + BPF_CORE_READ(skb, csum_offset) -
		BPF_CORE_READ(skb, mac_header);
	return place ? place : -1;
}

/* Whether a checksum may be written at `place`, bytes from the transport header: at its own field,
 * or in what vmseg does not read. */
static __always_inline int is_checksum_place(__s32 place, __u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return place == 16;
	case IPPROTO_UDP: /* the payload may be a tunnel's */
	case PROTOCOL_UDPLITE:
		return place == 6 || place >= 8;
	case PROTOCOL_SCTP:
		return place == 8;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_IGMP:
		return place == 2;
	default:
		return place >= 0;
	}
}

/* Would the checksum at `pending`, from find_pending_checksum(), change what has been read? */
static __always_inline int overwrites_header(const struct packet *pkt, __s32 pending)
{
	__s32 place = pending - (__s32)pkt->transport;

	if (!pending)
		return 0;
	if (pkt->fragment == FRAGMENT_LATER)
		return place < 0;
	return !is_checksum_place(place, pkt->key.protocol);
}

#endif

/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * fragment.h - later fragments follow the verdict of the first, which alone has the ports.
 *
 * Each port has FRAGMENTS_PER_PORT places, chosen by a hash of the datagram: bounded memory that no
 * guest can take from another. Two datagrams in one place: the newer wins, the older's remaining
 * fragments are dropped, and the sender repeats.
 */
#ifndef VMSEG_BPF_FRAGMENT_H
#define VMSEG_BPF_FRAGMENT_H

#include "bpf/parsed_packet.h"
#include "bpf/port.h"

/* Seconds that the rest may take: what Linux itself waits for IPv4 (ipfrag_time). */
#define FRAGMENT_SECONDS 30

struct fragment_key {
	__be32 remote[4];
	__be32 local[4];
	__u32 id;
	__u8 direction;
	__u8 protocol; /* IPv4 only: RFC 791 identifies a datagram by it, RFC 8200 does not */
	__u8 reserved[2];
	__u32 vlans; /* key_vlans() of the session */
};

struct fragment {
	struct bpf_spin_lock lock; /* key and content belong together */
	__u32 seen;                /* low 32 bits of jiffies; with `end` 0 nothing is here */
	struct fragment_key key;
	__u32 end; /* where the first fragment ends in the datagram, bytes */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024); /* set at load: FRAGMENTS_PER_PORT for each slot */
	__type(key, __u32);
	__type(value, struct fragment);
} fragment_map SEC(".maps");

static __always_inline void set_fragment_key(const struct packet *pkt, enum direction direction,
					     struct fragment_key *key)
{
	copy_address(key->remote, pkt->key.remote);
	copy_address(key->local, pkt->key.local);
	/* By now the session's key may have lost it: see widen_multicast_key(). */
	if (direction == DIRECTION_OUT && is_multicast(pkt, pkt->key.remote))
		__builtin_memset(key->local, 0, sizeof(key->local));
	key->id = pkt->fragment_id;
	key->direction = direction;
	key->protocol = pkt->family == 4 ? pkt->key.protocol : 0;
	key->reserved[0] = 0;
	key->reserved[1] = 0;
	key->vlans = key_vlans(&pkt->key);
}

static __always_inline struct fragment *find_fragment(const struct port *port,
						      const struct fragment_key *key)
{
	__u32 hash = key->id ^ key->remote[3] ^ (key->local[3] << 7) ^ key->direction, index;

	hash *= 0x9e3779b1; /* 2^32 over the golden ratio: spreads consecutive ids */
	index = port->slot * FRAGMENTS_PER_PORT + (hash >> 26);
	return bpf_map_lookup_elem(&fragment_map, &index);
}

_Static_assert(FRAGMENTS_PER_PORT == 1 << (32 - 26), "the shift in find_fragment");

static __always_inline int same_fragment_key(const struct fragment_key *a,
					     const struct fragment_key *b)
{
	return a->id == b->id && a->direction == b->direction && a->protocol == b->protocol &&
	       a->vlans == b->vlans && same_address(a->remote, b->remote) &&
	       same_address(a->local, b->local);
}

/* The first fragment has passed: let the others follow. */
static __always_inline void remember_fragment(const struct port *port, const struct packet *pkt,
					      enum direction direction)
{
	struct fragment_key key;
	struct fragment *fragment;

	set_fragment_key(pkt, direction, &key);
	fragment = find_fragment(port, &key);
	if (!fragment)
		return;
	bpf_spin_lock(&fragment->lock);
	fragment->seen = pkt->now;
	fragment->key = key;
	fragment->end = pkt->fragment_end;
	bpf_spin_unlock(&fragment->lock);
}

#define DATAGRAM_MAX 65535 /* bytes behind the IP header that a length field can say */

/* A fragment that is not the first. It must not reach back into the first one, whose header was
 * judged (RFC 1858, RFC 5722), nor beyond what a datagram can hold ("ping of death"). */
static __always_inline int judge_later_fragment(const struct port *port, const struct packet *pkt,
						enum direction direction, __u32 hz)
{
	struct fragment_key key;
	struct fragment *fragment;
	int known;

	if (pkt->fragment_end > DATAGRAM_MAX)
		return REASON_BAD_LENGTH;
	set_fragment_key(pkt, direction, &key);
	fragment = find_fragment(port, &key);
	if (!fragment)
		return REASON_FRAGMENT;
	bpf_spin_lock(&fragment->lock);
	known = fragment->end && same_fragment_key(&fragment->key, &key) &&
		pkt->fragment_offset >= fragment->end &&
		pkt->now - fragment->seen <= FRAGMENT_SECONDS * hz;
	bpf_spin_unlock(&fragment->lock);
	return known ? REASON_FRAGMENT_FOLLOWS : REASON_FRAGMENT;
}

#endif

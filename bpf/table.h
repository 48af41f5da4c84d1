/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * table.h - where sessions are kept: one hash per port, so that no guest can fill or evict
 * another's, the kernel enforces each limit, memory grows with use and all of it goes with the
 * port. Not an LRU map: a flood must never push out a live session.
 */
#ifndef VMSEG_BPF_TABLE_H
#define VMSEG_BPF_TABLE_H

#include "bpf/parsed_packet.h"

struct session_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct session_key));
	__uint(value_size, sizeof(struct session));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1024); /* set at load */
	__type(key, __u32);
	__array(values, struct session_table);
} session_map SEC(".maps");

/* remote_map[slot]: sessions by remote address, where the port limits them; else there is none.
 * As large as the session table, so that it cannot fill first. */
struct remote_table {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct remote_key));
	__uint(value_size, sizeof(__s64));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1024); /* set at load */
	__type(key, __u32);
	__array(values, struct remote_table);
} remote_map SEC(".maps");

static __always_inline void *find_session_table(__u32 slot)
{
	return bpf_map_lookup_elem(&session_map, &slot);
}

/* Whatever is under the key, expired or not. */
static __always_inline struct session *look_up_session(__u32 slot, const struct session_key *key)
{
	void *table = find_session_table(slot);

	return table ? bpf_map_lookup_elem(table, key) : NULL;
}

#endif

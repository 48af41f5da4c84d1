/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * port.h - from a device to its port record: see "Ports" in abi.h for how records are published.
 */
#ifndef VMSEG_BPF_PORT_H
#define VMSEG_BPF_PORT_H

#include "bpf/parsed_packet.h"

/* An array costs 1 ns where a hash costs 28; interface indexes only grow, so a host that has made
 * more devices than the array holds finds the rest in the hash. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PORT_INDEX_ENTRIES);
	__type(key, __u32);
	__type(value, __u64); /* record number + 1; 0: none */
} port_index SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024); /* set to max-ports at load */
	__type(key, __u32);
	__type(value, __u64);
} port_index_high SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024); /* set at load */
	__type(key, __u32);
	__type(value, struct port);
} port_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024); /* set at load */
	__type(key, __u32);
	__type(value, struct port_state);
} port_state_map SEC(".maps");

/* The number of a device's record in port_map, plus one; 0: it has none. */
static __always_inline __u32 find_record(__u32 ifindex)
{
	__u64 *number;

	if (ifindex < PORT_INDEX_ENTRIES) {
		number = bpf_map_lookup_elem(&port_index, &ifindex);
		/* Keeps the compiler from making one call of the two: with the map not known at
		 * compile time the kernel would not inline the array's look-up. */
		asm volatile("" ::: "memory");
	} else {
		number = bpf_map_lookup_elem(&port_index_high, &ifindex);
	}
	return number ? *number : 0;
}

static __always_inline const struct port *find_port(__u32 record)
{
	return bpf_map_lookup_elem(&port_map, &record);
}

static __always_inline struct port_state *find_port_state(__u32 slot)
{
	return bpf_map_lookup_elem(&port_state_map, &slot);
}

#endif

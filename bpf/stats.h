/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * stats.h - packets and bytes per port, direction and reason. Per CPU, so exact without atomics.
 */
#ifndef VMSEG_BPF_STATS_H
#define VMSEG_BPF_STATS_H

#include "bpf/parsed_packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024); /* set at load */
	__type(key, __u32);
	__type(value, struct port_stats);
} stats_map SEC(".maps");

static __always_inline void add_packet(struct counter *counter, __u32 length)
{
	counter->packets++;
	counter->bytes += length;
}

static __always_inline void count_packet(__u32 slot, enum direction direction, __u32 reason,
					 __u32 length, int audited)
{
	struct port_stats *stats = bpf_map_lookup_elem(&stats_map, &slot);

	/* The compiler may compare one copy of the reason and use another, whose bound the verifier
	 * does not know. */
	asm volatile("" : "+r"(reason));
	if (!stats || reason >= REASON_MAX)
		return;
	add_packet(&stats->by_reason[direction][reason], length);
	if (audited)
		add_packet(&stats->audited[direction], length);
}

#endif

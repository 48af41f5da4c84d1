/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * policy.h - asking a policy image: see "Policy images" in abi.h. The number of steps depends on
 * the key's length only, never on the number of rules.
 */
#ifndef VMSEG_BPF_POLICY_H
#define VMSEG_BPF_POLICY_H

#include "bpf/port.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024); /* set at load */
	__type(key, __u32);
	__type(value, struct policy_node);
} policy_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024); /* set at load */
	__type(key, __u32);
	__type(value, struct counter);
} rule_stats_map SEC(".maps");

/* A cell that no image holds: the walk met what should not be there. */
#define BAD_CELL 0xffffffffU

static __always_inline __u32 read_cell(__u32 node, __u32 cell)
{
	struct policy_node *found = bpf_map_lookup_elem(&policy_map, &node);

	return found ? found->cell[cell % POLICY_NODE_CELLS] : BAD_CELL;
}

/* Follows up to 8 nibbles of `word`, highest first, until a leaf. */
static __always_inline __u32 walk_word(__u32 base, __u32 cell, __u32 word, int nibbles)
{
	for (int i = 0; i < nibbles; i++) {
		if (cell & CELL_LEAF)
			break;
		cell = read_cell(base + cell, word >> (28 - 4 * i));
	}
	return cell;
}

static __always_inline __u32 find_row(__u32 base, const struct image_header *header,
				      const struct packet *pkt)
{
	__u32 cell;

	if (pkt->family == 4)
		return walk_word(base, header->row_root[0], bpf_ntohl(pkt->key.remote[3]),
				 ROW_NIBBLES_V4);
	cell = header->row_root[1];
	for (int i = 0; i < 4; i++) {
		if (cell & CELL_LEAF)
			break;
		cell = walk_word(base, cell, bpf_ntohl(pkt->key.remote[i]), ROW_NIBBLES_V6 / 4);
	}
	return cell;
}

static __always_inline __u32 l4_word(__u8 protocol, __u16 l4_port)
{
	return (__u32)protocol << 24 | (__u32)l4_port << 8;
}

/* The verdict cell of an image for a packet, or BAD_CELL. */
static __always_inline __u32 find_verdict(__u32 base, const struct image_header *header,
					  const struct packet *pkt)
{
	__u32 row, column, source = CELL_LEAF, index;

	row = find_row(base, header, pkt);
	column = walk_word(base, header->column_root[pkt->asked_direction & 1],
			   l4_word(pkt->key.protocol, pkt->asked_l4_port), COLUMN_NIBBLES);
	if (header->source_count > 1)
		source =
			walk_word(base, header->source_root,
				  l4_word(pkt->key.protocol, pkt->asked_l4_source), COLUMN_NIBBLES);
	if (!(row & column & source & CELL_LEAF))
		return BAD_CELL;
	row &= ~CELL_LEAF;
	column &= ~CELL_LEAF;
	source &= ~CELL_LEAF;
	if (row >= header->row_count || column >= header->column_count ||
	    source >= header->source_count)
		return BAD_CELL;
	index = (row * header->column_count + column) * header->source_count + source;
	return read_cell(base + header->verdict_node + index / POLICY_NODE_CELLS, index);
}

/* Asks the port's policy about scratch packet `which` (its key and asked_* fields): the verdict
 * cell, or BAD_CELL. Counts the rule, unless dry. A global function, checked by the verifier once
 * and not on every path that leads here; the call's 7 ns are only paid off the hot path. */
__noinline int ask_policy(__u32 which)
{
	struct packet *pkt = bpf_map_lookup_elem(&scratch_map, &which);
	const struct image_header *header;
	const struct port *port;
	struct counter *counter;
	__u32 verdict, rule, base;

	if (!pkt)
		return BAD_CELL;
	port = find_port(pkt->record);
	if (!port)
		return BAD_CELL;
	base = port->image;
	header = bpf_map_lookup_elem(&policy_map, &base);
	if (!header)
		return BAD_CELL;
	verdict = find_verdict(base, header, pkt);
	if (pkt->dry || verdict == BAD_CELL)
		return verdict;
	rule = header->rule_base + (verdict & VERDICT_RULE_MASK);
	counter = bpf_map_lookup_elem(&rule_stats_map, &rule);
	if (counter) {
		counter->packets++;
		counter->bytes += pkt->length;
	}
	return verdict;
}

#endif

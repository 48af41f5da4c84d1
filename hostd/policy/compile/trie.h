/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tries of 4-bit strides (abi.h, "Policy images"): leaf-pushed, equal sub-tries stored once.
 */
#ifndef VMSEG_POLICY_TRIE_H
#define VMSEG_POLICY_TRIE_H

#include "hostd/policy/compile/intern.h"

/* A key of up to 128 bits: an IPv6 address, or what is shorter in the low bits. */
typedef unsigned __int128 trie_key;

/* A line of keys cut into runs: each goes from its start to the next one's. */
struct run {
	trie_key start; /* of the first run: 0 */
	uint32_t value;
};

struct runs {
	struct run *items;
	size_t count;
};

/* Appends a run. One that starts where the last one does takes its place; one with the last one's
 * value makes it longer. 0 or -ENOMEM. */
int add_run(struct runs *runs, trie_key start, uint32_t value);
void free_runs(struct runs *runs);

/* Adds the trie of `runs` over keys of `nibbles` nibbles to the nodes; *ret is the cell of its
 * root. Returns 0, -E2BIG when the nodes' limit is reached or -ENOMEM. */
int build_trie(struct interner *nodes, const struct runs *runs, unsigned int nibbles,
	       uint32_t *ret);

#endif

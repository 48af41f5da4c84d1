/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The compiler: an effective policy's rules to an image, the exact words that go into policy_map
 * (layout: abi.h, "Policy images"). Pure: no system calls, the same input gives the same words.
 *
 * Equivalence classes (Gupta & McKeown, "Packet Classification on Multiple Fields", SIGCOMM 1999):
 * remote addresses that no rule tells apart share a row, protocol/port pairs a column, source ports
 * a source class (one class when no rule names a source port).
 */
#ifndef VMSEG_POLICY_COMPILE_H
#define VMSEG_POLICY_COMPILE_H

#include <stdio.h>

#include "hostd/base/diag.h"
#include "hostd/policy/compile/resolve.h"

#define IMAGE_NODES_MAX (1U << 20) /* 64 MiB */
#define IMAGE_RULES_MAX 65535U

struct image {
	struct policy_node *nodes; /* nodes[0] is the header; rule_base 0 */
	uint32_t node_count;
	uint32_t rule_count; /* rules, without the default */
	uint64_t hash;       /* of the words: equal images are the same policy */
	uint32_t users;
};

/* Returns 0 or -errno with an error in diag: -E2BIG with the numbers when a bound is exceeded. */
int compile_image(const struct effective_policy *policy, struct image **ret, struct diag *diag);
/* One more user of the image, which is not changed any more; each frees it. */
struct image *share_image(struct image *image);
void free_image(struct image **image);
bool images_equal(const struct image *a, const struct image *b);

/* Warns in diag of each rule that can never decide, with its place and that of an earlier rule
 * which takes what it would match. Rules with an empty group or set are passed over. Returns how
 * many, or -ENOMEM, or -E2BIG for a policy that compile_image() refuses. */
int find_shadowed_rules(const struct effective_policy *policy, struct diag *diag);

/* The properties of a packet that a policy looks at. */
struct policy_query {
	uint8_t direction; /* enum direction */
	uint8_t remote[ADDRESS_BYTES];
	uint8_t protocol;
	uint16_t port;        /* host byte order: destination port, or ICMP type * 256 + code */
	uint16_t source_port; /* host byte order */
};

/* The verdict cell for a query, walked in user space exactly as the programs walk it. */
uint32_t look_up_verdict(const struct image *image, const struct policy_query *query);

/* Readable form, for golden files and `vmseg policy check -v`: counts, then rows, columns and the
 * verdict table by class. */
void print_image(const struct image *image, FILE *stream);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules taken apart for the classifier: a term is a rule's remotes with those of its services that
 * share their source ports, so that it is a plain product of addresses, services and sources.
 */
#ifndef VMSEG_POLICY_TERMS_H
#define VMSEG_POLICY_TERMS_H

#include "hostd/policy/compile/axis.h"
#include "hostd/policy/compile/resolve.h"

#define ANY_SOURCE UINT32_MAX

struct term {
	uint32_t rule;    /* index in the effective policy */
	uint32_t columns; /* set on the column axis */
	uint32_t sources; /* set on the source axis, or ANY_SOURCE */
};

struct terms {
	struct term *items; /* in order of rules */
	size_t count;
	/* Keys: direction << 24 | protocol << 16 | port, or ICMP type << 8 | code. */
	struct span_sets column_sets;
	struct axis columns;
	/* Keys: protocol << 16 | source port. */
	struct span_sets source_sets;
	struct axis sources;
};

#define DIRECTION_SHIFT 24
#define PROTOCOL_SHIFT  16

/* With classes of both axes; the column axis tells directions apart where their defaults differ.
 * 0 or -ENOMEM. */
int build_terms(const struct effective_policy *policy, struct terms *ret);
void free_terms(struct terms *terms);

/* A verdict row has a word for each column and source class: the lowest index of a rule that
 * matches, or NO_RULE. */
#define NO_RULE UINT32_MAX

size_t row_width(const struct terms *terms);

/* Lowers the row's words to the term's rule where the term matches. */
void apply_term(const struct terms *terms, const struct term *term, uint32_t *row);

#endif

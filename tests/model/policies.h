/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies for sequences: as XML, which goes through the project's own parser, resolver and
 * compiler, so that the model walks the same rules that the image was made of.
 */
#ifndef VMSEG_MODEL_POLICIES_H
#define VMSEG_MODEL_POLICIES_H

#include "tests/harness/policy_case.h"
#include "tests/harness/random.h"

struct model_policy {
	char *xml; /* what is inside <policy> */
	struct policy_case parts;
	uint32_t image;     /* where it is in the rig's pool of nodes */
	uint32_t rule_base; /* in the rig's pool of counters */
	/* By rule number: what the model counted, and the programs until the sequence began. */
	struct counter *hits, *before;
};

size_t count_rule_counters(const struct model_policy *policy);

#define POLICY_POOL_MAX 256

struct rig_port;

struct policy_pool {
	struct rig_port *port; /* whose images these are */
	size_t count;
	struct model_policy *items[POLICY_POOL_MAX];
};

/* The policy of this text, made if the pool has it not yet; its image is then in the rig. */
struct model_policy *pool_policy(struct policy_pool *pool, const char *xml);

/* Adds random ones, which name the hosts and ports that sequences are made of, to the usual
 * defaults. */
void fill_pool(struct policy_pool *pool, struct random *random, size_t count);

void empty_pool(struct policy_pool *pool);

#endif

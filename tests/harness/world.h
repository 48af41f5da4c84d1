/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A random world: policies, sets, groups and a domain that uses them, made small and close
 * together so that prefixes nest, ranges touch and rules hide each other.
 */
#ifndef VMSEG_TEST_WORLD_H
#define VMSEG_TEST_WORLD_H

#include "hostd/policy/compile/compile.h"
#include "tests/harness/policy_case.h"
#include "tests/harness/random.h"

#define WORLD_POLICIES 3
#define WORLD_SETS     3
#define WORLD_GROUPS   3

struct world {
	struct policy *policies[WORLD_POLICIES]; /* "p0", "p1"... */
	struct address_set *sets[WORLD_SETS];    /* "s0", ... */
	struct policy *mandatory;                /* may be NULL */
	struct domain_policy *domain;
};

/* The world, with the groups "g0", "g1"... in the case; the policy directory holds its files. */
void make_world(struct random *random, struct policy_case *test, struct world *ret);
void free_world(struct world *world);

/* Parses what make_world() wrote, and the domain's own text; resolves and compiles it. */
void build_world(const struct world *world, struct policy_case *test);

/* A packet at or near the ends of what the world's rules name. */
struct policy_query make_world_query(struct random *random, const struct world *world,
				     const struct policy_case *test);

/* The plain way: every rule in order, first match wins. Shares no code with the compiler; says
 * what the verdict cell must be. */
uint32_t judge_world(const struct world *world, const struct policy_case *test,
		     const struct policy_query *query);

#endif

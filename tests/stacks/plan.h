/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the programs on both sides of one sequence do, made from its seed: one to three connections
 * over the same ports, one after the other.
 */
#ifndef VMSEG_STACKS_PLAN_H
#define VMSEG_STACKS_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/stacks/wire.h"

enum op_kind {
	OP_OPEN,   /* LEFT connects; with `both`, RIGHT at the same time too */
	OP_SEND,   /* `bytes` bytes */
	OP_PAUSE,  /* stops reading */
	OP_RESUME, /* after a while */
	OP_SHUT,   /* sends no more */
	OP_ABORT,  /* resets the connection */
	OP_FORGET, /* the wire is cut, both ends reset, and the wire is whole again */
};

struct op {
	enum op_kind kind;
	enum side side;
	uint32_t bytes;
	bool both;
	bool calm; /* not before all that was sent has arrived */
};

#define PLAN_OPS_MAX         64
#define PLAN_CONNECTIONS_MAX 3

struct plan {
	uint64_t seed;
	uint32_t rate, budget; /* see struct wire */
	bool ipv6, small_buffers;
	struct op ops[PLAN_OPS_MAX];
	uint32_t count;
};

void make_plan(uint64_t seed, uint64_t number, struct plan *ret);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One sequence through the loaded programs and through the model: frame by frame the same verdict
 * for the same reason, and at the end the same sessions and counters.
 */
#ifndef VMSEG_MODEL_DIFFERENTIAL_H
#define VMSEG_MODEL_DIFFERENTIAL_H

#include "tests/model/model.h"
#include "tests/model/sequence.h"

#define ARENA_PORTS 3

struct arena {
	/* A table's size is fixed, and to put another in its place takes the kernel many
	 * milliseconds: there is a port for each size that sequences use often. */
	struct rig_port *ports[ARENA_PORTS];
	uint32_t limits[ARENA_PORTS];
	struct rig_port *port; /* the one for the sequence at hand */
	struct policy_pool pool;
	struct model model;
	/* Of the sequence at hand. */
	uint64_t jumped; /* jiffies by which the model's clock is ahead of the programs' */
	uint32_t sessions_per_remote;
	struct port_stats before[2]; /* of no port, of the port */
	/* Of all. */
	uint64_t frames, followers, collisions;
	uint64_t seen[2][REASON_COUNT]; /* frames by direction and reason */
};

/* The port is the first of an open rig. */
void open_arena(struct arena *arena, struct rig_port *port);
void close_arena(struct arena *arena);

/* No policies, and room for new ones. */
void clear_policies(struct arena *arena);

/* True when programs and model agree; else *ret_difference says where they do not. */
bool agree_on(struct arena *arena, const struct sequence *sequence, char ret_difference[512]);

/* Leaves out steps as long as the two still disagree. */
void shrink_sequence(struct arena *arena, struct sequence *sequence);

#endif

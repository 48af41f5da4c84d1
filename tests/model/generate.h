/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random sequences: what hosts really do, seen through a network that loses, repeats, reorders and
 * damages, between changes of policy, port and clock.
 */
#ifndef VMSEG_MODEL_GENERATE_H
#define VMSEG_MODEL_GENERATE_H

#include "tests/harness/random.h"
#include "tests/model/sequence.h"

#define TCP_FLOWS 3

/* A connection as its two hosts see it; arrays by direction of the sender. */
struct tcp_flow {
	const struct host *local, *remote;
	uint16_t local_port, remote_port;
	enum direction opener;
	enum { FLOW_CLOSED, FLOW_ASKED, FLOW_ANSWERED, FLOW_OPEN } phase;
	uint32_t first[2]; /* number of the SYN */
	uint32_t next[2];  /* sequence number */
	uint32_t acked[2]; /* highest acknowledgment sent */
	uint16_t window[2];
	int scale[2]; /* -1: without the option */
};

struct generator {
	struct random *random;
	const struct policy_pool *pool;
	struct sequence *sequence;
	struct port_setup port;
	struct settings_setup settings;
	unsigned int small_jumps;
	bool trunk; /* most frames are in one of two VLANs */
	struct tcp_flow tcp[TCP_FLOWS];
};

void make_sequence(struct random *random, const struct policy_pool *pool, struct sequence *ret);

/* ---- between the files of the generator ----------------------------------------------------- */

#define PICK(random, array) ((array)[random_below((random), ARRAY_SIZE(array))])

/* A frame, as it may arrive after what happens to frames. */
void emit(struct generator *g, enum direction direction, struct packet packet);
/* As it is. */
void emit_plain(struct generator *g, enum direction direction, const struct packet *packet);
/* In order, or not, or not all of it. */
void emit_fragments(struct generator *g, enum direction direction, const struct packet *packet);

const struct host *pick_local(struct generator *g, bool v4);
const struct host *pick_remote(struct generator *g, bool v4);
/* Somebody's packet as if the guest or a remote had sent it. */
void emit_between(struct generator *g, enum direction direction, struct packet out,
		  struct packet in);

void start_tcp_flow(struct generator *g, struct tcp_flow *flow);
void emit_tcp(struct generator *g);
/* Everything but TCP. */
void emit_other(struct generator *g);

#endif

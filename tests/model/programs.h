/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loaded programs and their maps, as a sequence needs them: many frames on one port, and a
 * clock that can be turned.
 */
#ifndef VMSEG_MODEL_PROGRAMS_H
#define VMSEG_MODEL_PROGRAMS_H

#include "tests/harness/rig.h"

struct program_answer {
	bool pass;
	/* Of a dry run. */
	enum reason reason;
	uint32_t verdict; /* cell */
	bool has_session;
	uint32_t slot, generation;
};

/* Makes the port the loopback device's, after each publish_port() and withdraw_port(). */
void name_port(struct rig_port *port);

/* False when the kernel does not take the frame for a test run. */
bool ask_program(struct rig_port *port, enum direction direction, bool dry,
		 const struct packet *packet, struct program_answer *ret);

/* Frames that met the rule whose counter this is. */
struct counter read_rule_hits(struct rig_port *port, uint32_t number);

/* Jiffies. */
uint32_t read_program_clock(struct rig_port *port);

/* No sessions, and none counted. */
void clear_port_tables(struct rig_port *port);
void clear_port_state(struct rig_port *port);
void clear_port_fragments(struct rig_port *port);

/* All stamps of the port, so that they look `jiffies` older. */
void turn_back_stamps(struct rig_port *port, uint32_t jiffies, bool fragments);

/* What the daemon does in regular intervals. Returns the number of sessions that it ended. */
uint32_t sweep_programs(struct rig_port *port);

#endif

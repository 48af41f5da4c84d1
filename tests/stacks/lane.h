/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lane: two stacks in namespaces of their own (NAME-left and NAME-right), whose frames all come
 * out at devices in this namespace (NAME-lw and NAME-rw), where packet sockets take them and put
 * others in. tests/stacks/differential.sh makes namespaces and devices.
 */
#ifndef VMSEG_STACKS_LANE_H
#define VMSEG_STACKS_LANE_H

#include <stdint.h>

#include "tests/stacks/wire.h"

#define LEFT_ADDRESS  "10.0.0.11"
#define RIGHT_ADDRESS "10.0.0.12"

/* Each run has ports of its own. */
#define FIRST_PORT   1024
#define CLIENT_PORTS 60000
#define SERVICE_PORT 7000
#define SERVICES_MAX 100

struct lane {
	const char *name;
	int namespaces[2];
	int wires[2];
	int listeners[SERVICES_MAX];
};

/* What cannot be had ends the program. */
void open_lane(const char *name, uint32_t services, struct lane *ret);

/* A TCP socket of that side, not blocking, bound to its end of the run's ports. */
int open_stack_socket(const struct lane *lane, enum side side, uint32_t run, bool small_buffers);

/* Toward the other end of the run's ports. */
int connect_stack_socket(int fd, enum side side, uint32_t run);

/* The run whose ports the segment or the peer's address has; UINT32_MAX: none of ours. */
uint32_t run_of_segment(const struct segment_view *view, enum side from);
uint32_t run_of_peer(uint32_t service, uint16_t peer_port);

#endif

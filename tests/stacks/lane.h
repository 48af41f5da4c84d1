/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A lane: two stacks in namespaces of their own (NAME-left and NAME-right), whose frames all come
 * out at devices in this namespace (NAME-lw and NAME-rw), where packet sockets take them and put
 * others in. tests/stacks/test_differential.sh makes namespaces and devices.
 */
#ifndef VMSEG_STACKS_LANE_H
#define VMSEG_STACKS_LANE_H

#include <stdint.h>

#include "tests/stacks/wire.h"

/* By IP version: IPv4, IPv6. */
enum { FAMILIES = 2 };

/* Each run has ports of its own. */
#define FIRST_PORT   1024
#define CLIENT_PORTS 60000
#define SERVICE_PORT 7000
#define SERVICES_MAX 100

struct lane {
	const char *name;
	int namespaces[2];
	int wires[2];
	int listeners[SERVICES_MAX][FAMILIES];
};

/* What cannot be had ends the program. */
void open_lane(const char *name, uint32_t services, struct lane *ret);

/* Where a run's connections are: its ports follow from its number. */
struct place {
	uint32_t run;
	bool ipv6;
};

/* A TCP socket of that side, not blocking, bound to its end of the run's ports. */
int open_stack_socket(const struct lane *lane, enum side side, struct place place,
		      bool small_buffers);

/* Toward the other end of the run's ports. */
int connect_stack_socket(int fd, enum side side, struct place place);

/* The next connection that has come to a service, with its peer's port; -1 if there is none. */
int accept_stack_socket(const struct lane *lane, uint32_t service, bool ipv6, uint16_t *ret_port);

/* The run whose ports the segment or the peer's address has; UINT32_MAX: none of ours. */
uint32_t run_of_segment(const struct segment_view *view, enum side from);
uint32_t run_of_peer(uint32_t service, uint16_t peer_port);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions from the inside: when they are over, and clearing them away.
 */
#ifndef VMSEG_DATAPATH_SESSION_H
#define VMSEG_DATAPATH_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"

struct datapath;
struct filtered_port;
struct session_view;

/* What people are told of a live session of the port. `now` in jiffies. */
struct session_view view_of_session(const struct filtered_port *port, const struct session_key *key,
				    const struct session *session, uint32_t now);

/* As the programs judge it: is_expired() in bpf/session.h. `now` in jiffies. */
bool is_expired(const struct settings *settings, const struct session *session, uint32_t now);

/* Clears one port at once, and counts its live sessions. */
int sweep_port(struct filtered_port *port);

/* The port is gone, or has another table: the sweep must not go on in the middle of it. */
void restart_sweep(const struct filtered_port *port);

#endif

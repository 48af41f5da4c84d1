/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sweep: expired sessions of all ports are deleted, some at a time.
 */
#ifndef VMSEG_DATAPATH_SWEEP_H
#define VMSEG_DATAPATH_SWEEP_H

#include <stdint.h>

struct datapath;
struct sweep;

/* At the beginning of a round. NULL: no memory. */
struct sweep *make_sweep(void);
void free_sweep(struct sweep *sweep);

/* Deletes expired sessions, doing no more than about `budget` units of work: an entry looked at is
 * one, and so are 256 places of a session table. Goes on where the last call stopped. Returns the
 * units done; less than budget: a round over all ports is complete. */
uint32_t sweep_sessions(struct datapath *datapath, uint32_t budget);

#endif

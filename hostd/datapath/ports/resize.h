/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing the size of a port's session table while packets flow.
 */
#ifndef VMSEG_DATAPATH_RESIZE_H
#define VMSEG_DATAPATH_RESIZE_H

#include <stdint.h>

#include "bpf/abi.h"

struct filtered_port;

/*
 * Gives the port a table for `wanted` sessions, or for as many as are alive if these are more: no
 * live session is lost. Sessions that are opened while it happens, and would exceed the new limit,
 * are treated as if they came just after it. On failure the former table is in use.
 */
int resize_sessions(struct filtered_port *port, uint32_t wanted);

/* One session seen by two tables: `old` went on in the former one while `now` was already copied.
 * Writes to *now what both know together. */
void merge_session(const struct session *old, struct session *now);

#endif

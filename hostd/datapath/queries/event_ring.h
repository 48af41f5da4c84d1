/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event ring from the inside.
 */
#ifndef VMSEG_DATAPATH_EVENT_H
#define VMSEG_DATAPATH_EVENT_H

#include "hostd/base/diag.h"

struct datapath;

/* Opens the ring of a loaded datapath for reading; close with ring_buffer__free(). */
int open_event_ring(struct datapath *datapath, struct diag *diag);

#endif

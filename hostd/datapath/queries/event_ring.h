/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events that the programs report.
 */
#ifndef VMSEG_DATAPATH_EVENT_H
#define VMSEG_DATAPATH_EVENT_H

#include "bpf/abi.h"
#include "hostd/base/diag.h"

struct datapath;

/* Opens the ring of a loaded datapath for reading. */
int open_event_ring(struct datapath *datapath, struct diag *diag);
void close_event_ring(struct datapath *datapath);

/* A descriptor that polls readable when events wait. */
int event_descriptor(struct datapath *datapath);
/* ifindex is 0 in events of a port that was detached meanwhile. */
void consume_events(struct datapath *datapath,
		    void (*visit)(const struct event *event, unsigned int ifindex, void *context),
		    void *context);

#endif

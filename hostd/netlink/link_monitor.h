/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network devices that come and go, as rtnetlink tells it.
 */
#ifndef VMSEG_LINK_MONITOR_H
#define VMSEG_LINK_MONITOR_H

#include <stddef.h>

#include "hostd/base/diag.h"

struct link_monitor;

struct link_callbacks {
	/* Once per device that was not there when the monitor was opened. */
	void (*appeared)(unsigned int ifindex, const char *device, void *context);
	/* One that is known has another name now. */
	void (*renamed)(unsigned int ifindex, const char *device, void *context);
	void (*gone)(unsigned int ifindex, void *context);
	/* Somebody, perhaps the caller, has taken a qdisc off its ingress, or a filter off its
	 * ingress or egress, or put one there. 0: devices that are not known. */
	void (*disturbed)(unsigned int ifindex, void *context);
};

/* Devices of the caller's network namespace. */
int open_link_monitor(const struct link_callbacks *callbacks, void *context,
		      struct link_monitor **ret, struct diag *diag);
void close_link_monitor(struct link_monitor **monitor);

int link_monitor_descriptor(const struct link_monitor *monitor);

/* Handles one piece of what waits on the descriptor: a device that is closed takes some 20 ms, and
 * whoever else has something to ask comes in between. News that the kernel had to drop is made up
 * for by a new look at all devices. */
void read_link_messages(struct link_monitor *monitor);

#endif

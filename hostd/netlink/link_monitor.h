/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports network devices that appear, change their name or disappear, by rtnetlink.
 */
#ifndef VMSEG_LINK_MONITOR_H
#define VMSEG_LINK_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "hostd/base/diag.h"

struct link_monitor;

struct link_callbacks {
	/* Once per device that was not there when the monitor was opened. */
	void (*appeared)(unsigned int ifindex, const char *device, void *context);
	/* One that is known has another name now. */
	void (*renamed)(unsigned int ifindex, const char *device, void *context);
	/* `moved`: it is in another network namespace now. */
	void (*gone)(unsigned int ifindex, bool moved, void *context);
	/* A tap or tun is up and a process has it open, or not any more: see is_unheld in
	 * link_info.h. */
	void (*held)(unsigned int ifindex, const char *device, bool held, void *context);
	/* An XDP program has been attached to it or removed. The kernel does not report programs
	 * that a bpf_link attaches, nor changes of a device that is down. */
	void (*xdp)(unsigned int ifindex, bool has_xdp, void *context);
	/* Other software, or the caller, has removed a qdisc from its ingress or a filter from its
	 * ingress or egress, or has added one. 0: devices that are not known. */
	void (*disturbed)(unsigned int ifindex, void *context);
};

/* Devices of the caller's network namespace. */
int open_link_monitor(const struct link_callbacks *callbacks, void *context,
		      struct link_monitor **ret, struct diag *diag);
void close_link_monitor(struct link_monitor **monitor);

int link_monitor_descriptor(const struct link_monitor *monitor);

/* Handles some of the messages that wait on the descriptor, and returns: closing a device takes
 * about 20 ms, and other requests must not wait for all of them. If the kernel had to drop
 * messages, all devices are listed again. */
void read_link_messages(struct link_monitor *monitor);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Former ports: devices with programs of a datapath before this one, which filter by maps of their
 * own. There are some after maps had to be made anew, and each goes on as it was until
 * attach_port() takes it over or detach_port() takes its programs off.
 */
#ifndef VMSEG_DATAPATH_FORMER_H
#define VMSEG_DATAPATH_FORMER_H

#include <stdbool.h>

#include "hostd/datapath/attachment/attach_method.h"

struct datapath;

/* A device that is not attached, but filtered in both directions by the programs and maps of a
 * datapath before this one. attach_port() exchanges them without a gap. */
bool is_formerly_filtered(const struct datapath *datapath, unsigned int ifindex);

/* All that have any program of a former datapath's; the callback must not attach or detach. */
void for_each_former_port(struct datapath *datapath,
			  void (*visit)(unsigned int ifindex, const char *device, void *context),
			  void *context);

/* Looks at all devices and link pins. Programs of this datapath's own maps on a device that has no
 * port are what an interrupted detach left, and go; so do links whose device is gone. */
void find_former_ports(struct datapath *datapath);

/* How the device's former programs are attached; `otherwise` when it has none. */
enum attach_method former_attach(const struct datapath *datapath, unsigned int ifindex,
				 enum attach_method otherwise);

/* Removes the pins that could not be removed when their links were detached, if there are any. */
void remove_dead_links(struct datapath *datapath);

/* Forgets one, or all; what they have on the host stays. */
void forget_former_port(struct datapath *datapath, unsigned int ifindex);
void forget_former_ports(struct datapath *datapath);

/* Takes the programs off the device. -ENOENT: it has none of a former datapath's. */
int detach_former_port(struct datapath *datapath, unsigned int ifindex);

#endif

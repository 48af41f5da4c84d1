/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching a port, detaching it, and repairing it.
 */
#ifndef VMSEG_DATAPATH_ATTACH_PORT_H
#define VMSEG_DATAPATH_ATTACH_PORT_H

#include "hostd/base/diag.h"

struct datapath;
struct image;
struct port_config;

/* Slot, session map and image first, then the record, then both programs; then both hooks are
 * queried. On failure nothing is left behind; but before the first program of a formerly filtered
 * device is exchanged, it goes on being filtered. The device is in the caller's network namespace,
 * and not its loopback device (-EINVAL). */
int attach_port(struct datapath *datapath, unsigned int ifindex, const struct port_config *config,
		const struct image *image, struct diag *diag);

/* Puts back what somebody took off the device (port_status.hooked says so). Nothing else changes,
 * and it is no error when nothing is missing. */
int repair_port(struct datapath *datapath, unsigned int ifindex, struct diag *diag);

/* Detaches both programs and leaves the port's sessions, slot and image to free_discarded_slot().
 * Also for a device that is gone, or formerly filtered. -ENOENT when the port is not attached. */
int detach_port(struct datapath *datapath, unsigned int ifindex);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop.
 */
#ifndef VMSEG_DAEMON_LOOP_H
#define VMSEG_DAEMON_LOOP_H

#include "hostd/netlink/link_monitor.h"

struct daemon;

/* What the link monitor tells goes to the enforcer of the daemon that is its context. */
extern const struct link_callbacks device_callbacks;

/* Joins the parts that are open on the event loop. Returns 0 or -errno. */
int join_loop(struct daemon *daemon);

#endif

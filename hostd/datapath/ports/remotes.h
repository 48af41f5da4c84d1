/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Counts of a port's sessions by remote address, which the programs keep where the port limits
 * them: the inner maps of remote_map.
 */
#ifndef VMSEG_DATAPATH_REMOTES_H
#define VMSEG_DATAPATH_REMOTES_H

#include <stdint.h>

struct filtered_port;

/* An empty table, as large as the session table, so that it cannot fill first. Returns a descriptor
 * or -errno. */
int make_remote_table(uint32_t size);

/* Gives the port an empty table, in place of the one it may have. */
int make_remotes(struct filtered_port *port);

/* Adds to the table the sessions that were opened before the programs counted: before `start`, in
 * jiffies. One that ends meanwhile may leave a count one off. */
int count_earlier_sessions(const struct filtered_port *port, uint32_t start);

/* After the session table has changed its size: a table of the same size with the same counts. */
int renew_remotes(struct filtered_port *port);

void drop_remotes(struct filtered_port *port);

#endif

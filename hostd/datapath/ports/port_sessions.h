/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port's session table, which is in the port's slot of session_map.
 */
#ifndef VMSEG_DATAPATH_PORT_SESSIONS_H
#define VMSEG_DATAPATH_PORT_SESSIONS_H

struct filtered_port;

/* Makes `table` the port's session table, and notes its id and size there. Waits: when it returns,
 * no program uses the former one any more. */
int put_table(struct filtered_port *port, int table);

/* Returns a descriptor of the port's table, or -errno. */
int open_table(const struct filtered_port *port);

/* Reads id and size of the table that session_map has in the port's slot. -ENOENT: none. */
int find_table(struct filtered_port *port);

#endif

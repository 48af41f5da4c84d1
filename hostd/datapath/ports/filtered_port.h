/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports from the inside: what attaching, updating and adopting share.
 */
#ifndef VMSEG_DATAPATH_PORT_H
#define VMSEG_DATAPATH_PORT_H

#include "hostd/datapath/datapath_state.h"

/* A port that has nothing yet but its device. */
struct filtered_port *make_port(struct datapath *datapath, unsigned int ifindex);

/* Forgets the port; what it has on the host stays. NULL is allowed. */
void forget_port(struct filtered_port *port);

/* Takes everything of the port off the host, whatever part of it there is: programs, record,
 * sessions, image, slot. Then forgets it. NULL is allowed. */
void dismantle_port(struct filtered_port **pointer);

#endif

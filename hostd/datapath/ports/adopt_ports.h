/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking over what a former process left in the pinned maps.
 */
#ifndef VMSEG_DATAPATH_ADOPT_H
#define VMSEG_DATAPATH_ADOPT_H

#include "hostd/base/diag.h"

struct datapath;

/* Rebuilds the tables of ports, slots, records and images. Changes nothing on the host. -EUCLEAN
 * when the maps contradict themselves. */
int adopt_ports(struct datapath *datapath, struct diag *diag);

/* Clears away what an interrupted attach or detach left: tables of no port. */
void remove_leftovers(struct datapath *datapath);

#endif

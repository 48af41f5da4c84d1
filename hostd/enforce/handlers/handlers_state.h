/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of single handlers, behind enforcer->handlers.
 */
#ifndef VMSEG_HANDLERS_STATE_H
#define VMSEG_HANDLERS_STATE_H

#include "hostd/enforce/handlers/chores.h"
#include "hostd/enforce/handlers/repair.h"

struct handlers {
	struct arrival *arrivals;             /* by UUID: arrivals.c */
	struct policed_start *policed_starts; /* by UUID: policed.c */
	struct chores chores;
	struct repair repair;
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of single handlers, behind enforcer->handlers.
 */
#ifndef VMSEG_HANDLERS_STATE_H
#define VMSEG_HANDLERS_STATE_H

#include "hostd/enforce/apply/bypass.h"

/* chores.c */
struct chores {
	struct slot_reservation *reservations; /* of domains that are about to start */
	size_t reservation_count;
};

/* repair.c */
struct repair {
	uint32_t cursor; /* where this round is: next_attached_port() */
	unsigned rounds;
	struct bypasses bypasses;
	char *pins_problem; /* NULL: all is pinned as it should be */
};

struct handlers {
	struct arrival *arrivals;             /* by UUID: arrivals.c */
	struct policed_start *policed_starts; /* by UUID: policed.c */
	struct chores chores;
	struct repair repair;
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains that come by migration or restore.
 */
#ifndef VMSEG_ARRIVALS_H
#define VMSEG_ARRIVALS_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* The domain may come from now on. Returns 0 or -ENOMEM. */
int note_arrival(struct enforcer *enforcer, const char *uuid);

/* It has come, or will not come. */
void drop_arrival(struct enforcer *enforcer, const char *uuid);

/* The domain starts: if it comes by migration or restore, its open connections may be picked up. */
void begin_arrival(struct enforcer *enforcer, struct managed_domain *managed);

/* Its CPUs run again, on this host for the first time: the time for pick-up counts from here. */
void resume_domain(struct enforcer *enforcer, const char *uuid);

void free_arrivals(struct enforcer *enforcer);

#endif

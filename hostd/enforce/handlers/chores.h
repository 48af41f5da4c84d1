/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that a hook's request leaves for later.
 */
#ifndef VMSEG_CHORES_H
#define VMSEG_CHORES_H

#include "hostd/enforce/inventory/enforcer.h"

/* The domain is about to start: the slots of its ports are to be ready when it does. */
void reserve_slots_later(struct enforcer *enforcer, const struct domain_plan *plan);

/* Is there such work? One piece of it waits for the kernel once or twice, some 10 ms each. */
bool has_chores(const struct enforcer *enforcer);
void do_chore(struct enforcer *enforcer);

void free_chores(struct enforcer *enforcer);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that somebody takes off devices are put back.
 */
#ifndef VMSEG_REPAIR_H
#define VMSEG_REPAIR_H

#include "hostd/enforce/inventory/enforcer.h"

/* Looks at the next few ports for programs that somebody has taken off, and puts them back. Returns
 * whether the round over all ports goes on. The kernel reports changes of clsact's filters, so
 * those are looked at in some rounds only. */
bool repair_ports(struct enforcer *enforcer);

/* The same for one device: the kernel reports a change there. The device may be anybody's. */
void repair_device(struct enforcer *enforcer, unsigned int ifindex);

/* The same when an XDP program has been attached to a device or removed. */
void repair_xdp(struct enforcer *enforcer, unsigned int ifindex, bool has_xdp);

/* Why filtering would end with this process, as the last round has found; NULL: it goes on. */
const char *find_pins_problem(const struct enforcer *enforcer);

/* Reports of the kernel were lost: the next round looks at everything. */
void request_full_round(struct enforcer *enforcer);

void free_repair(struct enforcer *enforcer);

#endif

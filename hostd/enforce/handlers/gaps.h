/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * NICs that are neither filtered nor closed nor listed as a problem.
 */
#ifndef VMSEG_GAPS_H
#define VMSEG_GAPS_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

/* For any text of find_gap(), also with a name of 255 bytes. */
#define GAP_BYTES 640

/* Every NIC of every running managed domain is filtered, is closed, or is listed as a problem: by
 * its port's error, or by its domain's. Returns false if that is so for each NIC of the domain.
 * Else there is a gap, and what it is in `buffer`, to be listed as a problem of the domain. With
 * `ask_kernel` the programs are looked for on each device, which takes the kernel's rtnl lock. */
bool find_gap(const struct enforcer *enforcer, const struct managed_domain *managed,
	      bool ask_kernel, char *buffer, size_t size);

/* Closes the gaps that can be closed, and logs the others: once in each round of repairs. */
void close_gaps(struct enforcer *enforcer);

#endif

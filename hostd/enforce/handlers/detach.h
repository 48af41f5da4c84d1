/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filtering taken off running domains by an administrator.
 */
#ifndef VMSEG_DETACH_H
#define VMSEG_DETACH_H

#include "hostd/enforce/inventory/enforcer.h"

/* Takes filtering off a running domain, until it starts again or attach_domain. Returns 0 or -errno
 * with an error (-ENOENT: no such domain). */
int detach_domain(struct enforcer *enforcer, const char *name, struct diag *diag);
int attach_domain(struct enforcer *enforcer, const char *name, struct diag *diag);

/* Every domain, and the ports that nobody owns. */
void detach_everything(struct enforcer *enforcer);

#endif

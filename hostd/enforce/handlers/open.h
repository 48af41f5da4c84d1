/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The enforcer's life.
 */
#ifndef VMSEG_OPEN_H
#define VMSEG_OPEN_H

#include "hostd/enforce/inventory/enforcer.h"

/* Loads the policy directory and adopts what the state files and the pinned maps tell: same slots,
 * same sessions. `config` and `datapath` must outlive the enforcer. Returns 0 or -errno with an
 * error in diag. */
int open_enforcer(const struct config *config, struct datapath *datapath, struct enforcer **ret,
		  struct diag *diag);

/* Frees the daemon's side; every port stays as it is. */
void close_enforcer(struct enforcer **pointer);

#endif

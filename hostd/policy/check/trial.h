/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy on trial: would it hold, taken alone?
 */
#ifndef VMSEG_POLICY_TRIAL_H
#define VMSEG_POLICY_TRIAL_H

#include <stdint.h>

#include "hostd/base/diag.h"
#include "hostd/policy/model.h"
#include "hostd/policy/read/library.h"

/* Resolves and compiles the policy as the only one of a domain, with the library's sets and with
 * groups that have no members; warns of rules that never match. *ret_nodes is the image's size.
 * Returns 0 or -errno with an error in diag. */
int try_policy(const struct library *library, struct policy *policy, uint32_t *ret_nodes,
	       struct diag *diag);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the enforcer gives to a plan.
 */
#ifndef VMSEG_PLAN_INPUTS_H
#define VMSEG_PLAN_INPUTS_H

#include "hostd/enforce/inventory/library_share.h"
#include "hostd/enforce/plan/plan.h"

struct enforcer;

/* The inputs of a plan with this library (NULL: the newest) and the present groups. */
struct plan_inputs plan_inputs(struct enforcer *enforcer, const struct library_share *library);

#endif

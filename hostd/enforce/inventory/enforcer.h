/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner of all enforcement state: which domains run, and what their ports have. One thread
 * calls it, and nothing in it waits for libvirt.
 */
#ifndef VMSEG_ENFORCER_H
#define VMSEG_ENFORCER_H

#include "hostd/config/config.h"
#include "hostd/enforce/inventory/library_share.h"
#include "hostd/enforce/inventory/problems.h"
#include "hostd/enforce/plan/plan.h"

struct enforcer;

struct datapath *enforcer_datapath(const struct enforcer *enforcer);
const struct config *enforcer_config(const struct enforcer *enforcer);
const struct library *enforcer_library(const struct enforcer *enforcer);
struct groups *enforcer_groups(const struct enforcer *enforcer);

/* The problems of the host: see problems.h. */
struct problem **enforcer_problems(struct enforcer *enforcer);

/* Drops the problems that are solved and calls visit for the others. */
void for_each_problem(struct enforcer *enforcer,
		      void (*visit)(const struct problem *problem, void *context), void *context);

/* Sets the problem of `subject`; text NULL: it is solved. Changes are logged. */
void report_problem(struct enforcer *enforcer, const char *subject, const char *text);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of the policy directory while the daemon runs, for good or until they are confirmed.
 * After each, domains are as after a reload with the settings that are in force.
 */
#ifndef VMSEG_POLICY_EDIT_H
#define VMSEG_POLICY_EDIT_H

#include "hostd/change/pending.h"
#include "hostd/enforce/inventory/enforcer.h"

/* Puts a text that has been judged (candidate.h) in the place of NAME's file. It is rolled back
 * after `seconds` unless it is confirmed; 0: it stays. -EBUSY: a change of that name is pending.
 * Returns 0, or -errno with an error in diag: then the file is as it was. */
int apply_policy(struct enforcer *enforcer, const char *name, const char *text, uint32_t seconds,
		 bool *ret_is_new, struct reload_result *ret, struct diag *diag);

/* Takes NAME's file away, unless something names it or a change of it is pending (-EBUSY). */
int delete_policy(struct enforcer *enforcer, const char *name, struct reload_result *ret,
		  struct diag *diag);

/* A pending change stays, or goes at once. -ENOENT: there is none of that name. */
int confirm_policy(struct enforcer *enforcer, const char *name, struct diag *diag);
int roll_back_policy(struct enforcer *enforcer, const char *name, struct reload_result *ret,
		     struct diag *diag);

/* In order of names; the callback must not change anything. */
void for_each_pending(struct enforcer *enforcer,
		      void (*visit)(const struct pending_change *change, void *context),
		      void *context);

/* When to call roll_back_overdue() next: boottime_usec(), UINT64_MAX for never. */
uint64_t next_rollback(const struct enforcer *enforcer);

/* Rolls back what was not confirmed in time; what cannot be is tried again later, and says why. */
void roll_back_overdue(struct enforcer *enforcer);

#endif

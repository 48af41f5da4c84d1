/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of the policy directory while the daemon runs, with and without confirmation. After each,
 * domains are as after a reload with the settings in force.
 */
#ifndef VMSEG_POLICY_EDIT_H
#define VMSEG_POLICY_EDIT_H

#include "hostd/change/pending.h"
#include "hostd/enforce/handlers/reload.h"

struct policy_editor {
	struct enforcer *enforcer;      /* NULL before begin_policy_edits() */
	struct pending_changes pending; /* of policy files */
};

/* Loads the pending changes and rolls back those that were not confirmed in time while no daemon
 * ran: before the enforcer reads policies. Returns 0 or -errno with an error in diag. */
int open_policy_editor(const char *state_directory, struct policy_editor *ret, struct diag *diag);

/* Files can be changed from now on. Files of changes that cannot be rolled back any more become
 * problems of the host. */
void begin_policy_edits(struct policy_editor *editor, struct enforcer *enforcer);

void close_policy_editor(struct policy_editor *editor);

/* Writes a text that was checked (candidate.h) to the file of NAME. After `seconds` it is rolled
 * back unless it is confirmed; 0: it stays. -EBUSY: a change of that name is pending. Returns 0, or
 * -errno with an error in diag: then the file is unchanged. */
int apply_policy(struct policy_editor *editor, const char *name, const char *text, uint32_t seconds,
		 bool *ret_is_new, struct reload_result *ret, struct diag *diag);

/* Takes NAME's file away, unless something names it or a change of it is pending (-EBUSY). */
int delete_policy(struct policy_editor *editor, const char *name, struct reload_result *ret,
		  struct diag *diag);

/* A pending change stays, or goes at once. -ENOENT: there is none of that name. */
int confirm_policy(struct policy_editor *editor, const char *name, struct diag *diag);
int roll_back_policy(struct policy_editor *editor, const char *name, struct reload_result *ret,
		     struct diag *diag);

/* In order of names; the callback must not change anything. */
void for_each_pending(struct policy_editor *editor,
		      void (*visit)(const struct pending_change *change, void *context),
		      void *context);

/* When to call roll_back_overdue() next: boottime_usec(), UINT64_MAX for never. */
uint64_t next_rollback(const struct policy_editor *editor);

/* Rolls back what was not confirmed in time; what cannot be is tried again later, and says why. */
void roll_back_overdue(struct policy_editor *editor);

#endif

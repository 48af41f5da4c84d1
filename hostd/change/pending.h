/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pending changes: policy files that were applied for a while, until somebody confirms them. The
 * one that is not confirmed in time is rolled back, whatever becomes of the daemon meanwhile: a
 * state file per change is below STATE_DIRECTORY/pending, and the file of before in the policy
 * directory.
 */
#ifndef VMSEG_PENDING_H
#define VMSEG_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/diag.h"
#include "hostd/base/hash.h"

#define CONFIRM_SECONDS_MAX 86400

struct pending_change {
	char *name;        /* of the policy or set */
	char *directory;   /* where its file is */
	char *written;     /* what was applied */
	bool existed;      /* there was a file before; else rolling back takes the new one away */
	bool restored;     /* the file is as before; what is left to do is to reload */
	uint32_t seconds;  /* that there were to confirm it */
	uint64_t deadline; /* boottime_usec() */
	char *error;       /* why it is overdue and not rolled back yet; NULL: it is not */
	UT_hash_handle hh; /* by name */
};

struct pending_changes {
	char *directory; /* of the state files */
	struct pending_change *table;
};

/* Reads the state files. Changes that were about to be made and never were are dropped. A state
 * file that cannot be used is logged and set aside. Returns 0, or -errno with an error in diag: out
 * of memory, or others may write to the directory. */
int load_pending(const char *state_directory, struct pending_changes *ret, struct diag *diag);
void free_pending(struct pending_changes *changes);

/* Writes the state files that somebody has removed anew. */
void restore_pending_files(const struct pending_changes *changes);

struct pending_change *find_pending(const struct pending_changes *changes, const char *name);

/* Before a file is written: keeps the one that is there, and remembers until when. No change of
 * that name may be pending. *ret belongs to the table. Returns 0 or -errno with an error in diag;
 * then nothing is kept. */
int add_pending(struct pending_changes *changes, const char *directory, const char *name,
		const char *text, uint32_t seconds, struct pending_change **ret, struct diag *diag);

/* The file stays as it is: confirmed. What was kept of before goes. Returns 0, or -errno with an
 * error in diag: then it is pending still. */
int settle_pending(struct pending_changes *changes, struct pending_change *change,
		   struct diag *diag);

/* Brings the file of before back; what becomes of one that was edited by hand is logged. The change
 * stays in the table until it is dropped. Returns 0, or -errno with an error in diag; then
 * `restored` says whether the file of before is there, and the rest is done when this is called
 * again.
 */
int restore_pending(const struct pending_changes *changes, struct pending_change *change,
		    struct diag *diag);
/* Forgets it; files stay as they are. */
void drop_pending(struct pending_changes *changes, struct pending_change *change);

/* UINT64_MAX: nothing is pending. */
uint64_t next_deadline(const struct pending_changes *changes);

/* Seconds until the deadline, rounded up. */
uint32_t seconds_left(const struct pending_change *change);

#endif

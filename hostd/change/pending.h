/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pending changes: policy files that were applied and wait for confirmation. A change that is not
 * confirmed in time is rolled back, also when the daemon ends in between: each change has a state
 * file in STATE_DIRECTORY/pending, and the policy directory has a copy of the previous file.
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

/* Reads the state files. Drops a change whose file was not written before the daemon ended. Logs
 * and renames a state file that cannot be used. Returns 0, or -errno with an error in diag: out of
 * memory, or other users may write to the directory. */
int load_pending(const char *state_directory, struct pending_changes *ret, struct diag *diag);
void free_pending(struct pending_changes *changes);

/* Writes state files again that were removed. */
void restore_pending_files(const struct pending_changes *changes);

struct pending_change *find_pending(const struct pending_changes *changes, const char *name);

/* Called before a file is written: keeps the previous file, and stores the deadline. No change of
 * that name may be pending. *ret belongs to the table. Returns 0 or -errno with an error in diag;
 * then nothing is kept. */
int add_pending(struct pending_changes *changes, const char *directory, const char *name,
		const char *text, uint32_t seconds, struct pending_change **ret, struct diag *diag);

/* The change is confirmed: the file stays, the copy of the previous one is removed. Returns 0, or
 * -errno with an error in diag: then the change is still pending. */
int settle_pending(struct pending_changes *changes, struct pending_change *change,
		   struct diag *diag);

/* Restores the previous file, and logs where the text of a file that was edited by hand is kept.
 * The change stays in the table until drop_pending(). Returns 0, or -errno with an error in diag;
 * then `restored` says whether the previous file is restored, and another call does the rest. */
int restore_pending(const struct pending_changes *changes, struct pending_change *change,
		    struct diag *diag);
/* Removes the change from the table; files stay as they are. */
void drop_pending(struct pending_changes *changes, struct pending_change *change);

/* UINT64_MAX: nothing is pending. */
uint64_t next_deadline(const struct pending_changes *changes);

/* Seconds until the deadline, rounded up. */
uint32_t seconds_left(const struct pending_change *change);

#endif

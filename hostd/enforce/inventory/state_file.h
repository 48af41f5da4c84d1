/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State files: DIRECTORY/NAME.json, what one daemon leaves for the next. A file is there whole or
 * not at all. Only what is trusted is read (base/trusted_file.h). A file that cannot be used is
 * kept aside as DIRECTORY/NAME.json.bad, or NAME.json.bad.2 and so on, for people to look at.
 */
#ifndef VMSEG_STATE_FILE_H
#define VMSEG_STATE_FILE_H

#include <jansson.h>
#include <stdbool.h>

#include "hostd/base/diag.h"

/* Makes the directory, and the one above it, where they are missing. Returns 0, or -errno with an
 * error in diag; on failure what was there before is still there. */
int write_state_file(const char *directory, const char *name, const json_t *state,
		     struct diag *diag);

bool has_state_file(const char *directory, const char *name);

/* Returns 0, also when there is none, or -errno. */
int remove_state_file(const char *directory, const char *name);

/* One state file, as for_each_state_file() finds it. */
struct state_file {
	const char *path;
	const char *name;    /* without ".json" */
	json_t *state;       /* NULL: it cannot be read */
	const char *problem; /* why not */
	int error;           /* the same as -errno */
};

/* Calls visit for each state file; it may remove the file or set it aside. A directory that is not
 * there is an empty one. Returns 0, or -errno, logged, when files may not have been visited. */
int for_each_state_file(const char *directory,
			void (*visit)(const struct state_file *file, void *context), void *context);

/* Gives the file, or whatever else is there under its name, a name that is not read any more.
 * Returns 0 with that path, which the caller frees, or -errno. */
int set_aside_state_file(const char *path, char **ret_path);

/* Calls visit with the path of each file of the directory that was set aside. */
void for_each_bad_state_file(const char *directory, void (*visit)(const char *path, void *context),
			     void *context);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State files: DIRECTORY/NAME.json, what one daemon leaves for the next. A file is there whole or
 * not at all.
 */
#ifndef VMSEG_STATE_FILE_H
#define VMSEG_STATE_FILE_H

#include <jansson.h>
#include <stdbool.h>

/* Makes the directory, and the one above it, where they are missing. Returns 0 or -errno; on
 * failure what was there before is there still. */
int write_state_file(const char *directory, const char *name, const json_t *state);

bool has_state_file(const char *directory, const char *name);

/* Returns 0, also when there is none, or -errno. */
int remove_state_file(const char *directory, const char *name);

/* Calls visit for each state file: with NULL and what is wrong for one that cannot be read. A
 * directory that is not there is an empty one; one that cannot be read is logged. */
void for_each_state_file(const char *directory,
			 void (*visit)(const char *path, json_t *state, const char *problem,
				       void *context),
			 void *context);

#endif

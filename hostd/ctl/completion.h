/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Completion of the command line. The shell calls "vmseg --complete WORD..." with the words after
 * "vmseg"; the last one is being typed, and may be empty. The first line of the answer is "files"
 * (the shell offers files) or "words"; then a word follows on each line.
 */
#ifndef VMSEG_COMPLETION_H
#define VMSEG_COMPLETION_H

#include <stddef.h>

/* Returns the exit status. */
int complete(const char *const *line, size_t count);

#endif

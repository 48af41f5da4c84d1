/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is wrong on this host and belongs to no domain that is known. `vmseg status` lists it,
 * beside the problems of domains and ports, until it is over.
 */
#ifndef VMSEG_PROBLEMS_H
#define VMSEG_PROBLEMS_H

#include <stdbool.h>

#include "hostd/base/hash.h"

struct problem {
	char *subject; /* the key: a file, a directory, a device */
	char *text;    /* what is wrong and what to do about it, without a full stop */
	bool is_file;  /* the subject is a file: the problem is over when the file is gone */
	UT_hash_handle hh;
};

/* Adds the problem, or replaces what was said of the subject. */
__attribute__((format(printf, 3, 4))) void set_problem(struct problem **problems,
						       const char *subject, const char *format,
						       ...);

/* The same for a file, of which clear_problem() need not be called. */
__attribute__((format(printf, 3, 4))) void set_file_problem(struct problem **problems,
							    const char *path, const char *format,
							    ...);

/* NULL: none. */
struct problem *find_problem(struct problem *problems, const char *subject);

/* Also where there is none. */
void clear_problem(struct problem **problems, const char *subject);

/* Removes those of files that are not there any more. */
void drop_solved_problems(struct problem **problems);

void free_problems(struct problem **problems);

#endif

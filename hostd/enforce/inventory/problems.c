/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of problems.
 */
#include "hostd/enforce/inventory/problems.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct problem *find_problem(struct problem *problems, const char *subject)
{
	struct problem *problem;

	HASH_FIND_STR(problems, subject, problem);
	return problem;
}

static void free_problem(struct problem *problem)
{
	free(problem->subject);
	free(problem->text);
	free(problem);
}

static void drop_problem(struct problem **problems, struct problem *problem)
{
	HASH_DEL(*problems, problem);
	free_problem(problem);
}

/* The problem of the subject, without text where it is new; NULL: out of memory. */
static struct problem *get_problem(struct problem **problems, const char *subject)
{
	struct problem *problem = find_problem(*problems, subject);

	if (problem)
		return problem;
	problem = calloc(1, sizeof(*problem));
	if (!problem)
		return NULL;
	problem->subject = strdup(subject);
	if (problem->subject)
		HASH_ADD_KEYPTR(hh, *problems, problem->subject, strlen(problem->subject), problem);
	if (!was_added(&problem->hh)) {
		free_problem(problem);
		return NULL;
	}
	return problem;
}

__attribute__((format(printf, 4, 0))) static void put_problem(struct problem **problems,
							      const char *subject, bool is_file,
							      const char *format, va_list arguments)
{
	struct problem *problem = get_problem(problems, subject);
	char *text;

	if (!problem)
		return;
	problem->is_file = is_file;
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	free(problem->text);
	problem->text = text;
	/* One that cannot be named is none to show. */
	if (!text)
		drop_problem(problems, problem);
}

void set_problem(struct problem **problems, const char *subject, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_problem(problems, subject, false, format, arguments);
	va_end(arguments);
}

void set_file_problem(struct problem **problems, const char *path, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	put_problem(problems, path, true, format, arguments);
	va_end(arguments);
}

void clear_problem(struct problem **problems, const char *subject)
{
	struct problem *problem = find_problem(*problems, subject);

	if (problem)
		drop_problem(problems, problem);
}

void drop_solved_problems(struct problem **problems)
{
	struct problem *problem, *next;
	struct stat status;

	HASH_ITER (hh, *problems, problem, next) {
		if (problem->is_file && lstat(problem->subject, &status) < 0 && errno == ENOENT)
			drop_problem(problems, problem);
	}
}

void free_problems(struct problem **problems)
{
	struct problem *problem, *next;

	HASH_ITER (hh, *problems, problem, next)
		drop_problem(problems, problem);
}

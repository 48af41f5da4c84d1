/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line, taken apart by what the commands declare. Options may come before the command
 * and anywhere after it; "--" ends them. A unique beginning of an option's name is enough.
 */
#ifndef VMSEG_COMMAND_LINE_H
#define VMSEG_COMMAND_LINE_H

#include "hostd/ctl/command.h"

struct given_option {
	const struct command_option *option;
	const char *value; /* NULL: it takes none */
};

struct invocation {
	const struct command *command;
	const char **arguments; /* after the command's name */
	size_t argument_count;
	struct given_option *given;
	size_t given_count;
	json_t *params; /* that arguments and options set for the request: an object */
};

/* A line as far as it can be understood without errors. */
struct parsed_words {
	const struct command *command; /* NULL: none is named */
	const char **words;            /* all that are not options: command and arguments */
	size_t count;
	size_t command_words; /* how many of them name the command */
	bool wants_help, wants_version;
	const struct command_option
		*unfinished; /* the last word is this option, without its value */
};

/* Finds the command and its arguments. Returns 0 or -ENOMEM. */
int find_words(const char *const *line, size_t count, struct parsed_words *ret);
void clear_words(struct parsed_words *words);

/* Reads the options and arguments of the command that find_words() has found. Returns STATUS_OK, or
 * STATUS_USAGE with an error on stderr. */
int parse_command_line(const char *const *line, size_t count, const struct parsed_words *words,
		       struct invocation *ret);
void clear_invocation(struct invocation *invocation);

/* The option of the command, or a general one; NULL: there is none, or several begin so. */
const struct command_option *find_option(const struct command *command, const char *name,
					 size_t length);

/* ---- what was given: `name` is an option of the command, or a general one ------------------- */

bool is_given(const struct invocation *invocation, const char *name);
/* The last value; NULL: not given. */
const char *given_text(const struct invocation *invocation, const char *name);
long given_number(const struct invocation *invocation, const char *name, long otherwise);

/* Prints "vmseg: COMMAND: TEXT (see ...)" and returns STATUS_USAGE. NULL: no command. */
__attribute__((format(printf, 2, 3))) int complain(const struct command *command,
						   const char *format, ...);

#endif

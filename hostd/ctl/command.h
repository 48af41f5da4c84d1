/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A subcommand of vmseg, as its own file declares it: its arguments, its options and what it does.
 * Parsing, help, usage and completion follow from the declaration.
 */
#ifndef VMSEG_COMMAND_H
#define VMSEG_COMMAND_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct invocation;

/* Exit statuses. */
enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* What completion offers for a value. */
enum value_source {
	VALUES_UNKNOWN,
	VALUES_LISTED, /* the words in the argument's name: "in|out" */
	VALUES_DOMAINS,
	VALUES_POLICIES,
	VALUES_PENDING, /* policies that wait for confirmation */
	VALUES_GROUPS,
	VALUES_DEVICES,
	VALUES_FILES,
};

struct command_argument {
	const char *name;  /* as the usage shows it; NULL ends the list */
	const char *param; /* the parameter of the request that it sets; NULL: none */
	enum value_source values;
	bool optional;
	bool repeated; /* the last one: it may be given several times */
};

struct command_option {
	const char *name;     /* "limit": --limit; NULL ends the list */
	const char *argument; /* what the help calls its value; NULL: it has none */
	const char *help;
	const char *param; /* the parameter of the request that it sets; NULL: none */
	long maximum;      /* of a number, from 1; 0: the value is a text */
	enum value_source values;
	bool required;
	bool repeated; /* the parameter is a list */
};

struct command {
	const char *name;                         /* one word, or two: "policy check" */
	const char *help;                         /* what it does, in a line: "show ..." */
	const struct command_argument *arguments; /* NULL: none */
	const struct command_option *options;     /* NULL: the general ones only */
	/* The request that it makes, with the parameters that arguments and options set. */
	const char *method;
	/* Prints the reply as text; NULL: there is nothing to say. With --json the reply is printed
	 * as it is. */
	void (*print)(const struct invocation *invocation, const json_t *reply);
	/* In place of the two above: does it all, and returns the exit status. */
	int (*run)(const struct invocation *invocation);
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/command_line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/commands.h"

int complain(const struct command *command, const char *format, ...)
{
	const char *name = command ? command->name : "";
	va_list arguments;

	fprintf(stderr, "vmseg: %s%s", name, command ? ": " : "");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, " (see \"vmseg %s%s--help\")\n", name, command ? " " : "");
	return STATUS_USAGE;
}

/* ---- options -------------------------------------------------------------------------------- */

/* Counts the options that begin so, and returns one of them; if one has just this name, that one,
 * and the count is 1. */
static const struct command_option *match_option(const struct command_option *options,
						 const char *name, size_t length, size_t *count)
{
	const struct command_option *found = NULL;

	for (; options && options->name; options++) {
		if (strncmp(options->name, name, length) != 0)
			continue;
		found = options;
		if (!options->name[length]) {
			*count = 1;
			return found;
		}
		(*count)++;
	}
	return found;
}

const struct command_option *find_option(const struct command *command, const char *name,
					 size_t length)
{
	size_t own_count = 0, general_count = 0;
	const struct command_option *own =
		match_option(command ? command->options : NULL, name, length, &own_count);
	const struct command_option *general =
		match_option(general_options, name, length, &general_count);

	if (own && !own->name[length])
		return own;
	if (general && !general->name[length])
		return general;
	return length > 0 && own_count + general_count == 1 ? (own ? own : general) : NULL;
}

/* One of any command: before the command is known. */
static const struct command_option *find_any_option(const char *name, size_t length)
{
	const struct command_option *option = find_option(NULL, name, length);

	for (size_t i = 0; !option && i < command_count; i++)
		option = find_option(commands[i], name, length);
	return option;
}

/* ---- words ---------------------------------------------------------------------------------- */

struct cursor {
	const char *const *line;
	size_t count, next;
	bool only_words; /* after "--" */
};

/* A word, or an option: then `name` is set. */
struct token {
	const char *text;
	const char *name; /* of the option, without dashes; not terminated */
	size_t length;
	const char *value; /* after "="; NULL: none */
};

static bool next_token(struct cursor *cursor, struct token *ret)
{
	const char *text;

	if (cursor->next < cursor->count && !cursor->only_words &&
	    strcmp(cursor->line[cursor->next], "--") == 0) {
		cursor->only_words = true;
		cursor->next++;
	}
	if (cursor->next >= cursor->count)
		return false;
	text = cursor->line[cursor->next++];
	*ret = (struct token){.text = text};
	if (cursor->only_words || text[0] != '-' || !text[1])
		return true;
	if (strcmp(text, "-h") == 0)
		text = "--help";
	/* There are no other short options: of "-x" the name is empty, and found nowhere. */
	ret->name = text[1] == '-' ? text + 2 : "";
	ret->length = strcspn(ret->name, "=");
	ret->value = ret->name[ret->length] ? ret->name + ret->length + 1 : NULL;
	return true;
}

/* The option's value: after "=", or the next word. NULL: there is none. */
static const char *take_value(struct cursor *cursor, const struct token *token)
{
	if (token->value)
		return token->value;
	return cursor->next < cursor->count ? cursor->line[cursor->next++] : NULL;
}

static void note_option(struct cursor *cursor, const struct token *token,
			struct parsed_words *words)
{
	const struct command_option *option = find_any_option(token->name, token->length);

	if (!option)
		return;
	words->wants_help |= strcmp(option->name, "help") == 0;
	words->wants_version |= strcmp(option->name, "version") == 0;
	if (option->argument && !take_value(cursor, token))
		words->unfinished = option;
}

/* What the command makes of an option that any command may have. */
static const struct command_option *own_option(const struct command *command,
					       const struct command_option *option)
{
	const struct command_option *own = find_option(command, option->name, strlen(option->name));

	return own ? own : option;
}

int find_words(const char *const *line, size_t count, struct parsed_words *ret)
{
	struct cursor cursor = {.line = line, .count = count};
	struct token token;

	*ret = (struct parsed_words){.words = calloc(count + 1, sizeof(char *))};
	if (!ret->words)
		return -ENOMEM;
	while (next_token(&cursor, &token)) {
		if (token.name)
			note_option(&cursor, &token, ret);
		else
			ret->words[ret->count++] = token.text;
	}
	ret->command = find_command(ret->words, ret->count, &ret->command_words);
	if (ret->unfinished)
		ret->unfinished = own_option(ret->command, ret->unfinished);
	return 0;
}

void clear_words(struct parsed_words *words)
{
	free(words->words);
}

/* ---- values --------------------------------------------------------------------------------- */

/* Sets the parameter that an option or argument names. */
static int set_param(json_t *params, const char *param, json_t *value, bool repeated)
{
	json_t *list;

	if (!value)
		return -EINVAL;
	if (!repeated)
		return json_object_set_new(params, param, value);
	list = json_object_get(params, param);
	if (!list) {
		list = json_array();
		json_object_set_new(params, param, list);
	}
	return json_array_append_new(list, value);
}

/* A number from 1 to the option's maximum; 0: it is none. */
static long read_number(const struct command_option *option, const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	return errno || end == text || *end || number < 1 || number > option->maximum ? 0 : number;
}

static int take_param(const struct command *command, const struct command_option *option,
		      const char *value, json_t *params)
{
	json_t *json = json_true();

	if (value && option->maximum)
		json = json_integer(read_number(option, value));
	else if (value)
		json = json_string(value);
	if (set_param(params, option->param, json, option->repeated) < 0)
		return complain(command, "--%s: the value is not UTF-8", option->name);
	return STATUS_OK;
}

static int take_option(struct invocation *invocation, struct cursor *cursor,
		       const struct token *token)
{
	const struct command *command = invocation->command;
	const struct command_option *option = find_option(command, token->name, token->length);
	const char *value = NULL;

	if (!option)
		return complain(command, "unknown option %.*s", (int)strcspn(token->text, "="),
				token->text);
	if (!option->argument && token->value)
		return complain(command, "--%s: expected no value", option->name);
	if (option->argument) {
		value = take_value(cursor, token);
		if (!value)
			return complain(command, "--%s: expected %s after it", option->name,
					option->argument);
	}
	if (value && option->maximum && !read_number(option, value))
		return complain(command, "--%s: expected a number from 1 to %ld, not \"%s\"",
				option->name, option->maximum, value);
	invocation->given[invocation->given_count++] = (struct given_option){option, value};
	return option->param ? take_param(command, option, value, invocation->params) : STATUS_OK;
}

static int take_options(struct invocation *invocation, const char *const *line, size_t count)
{
	struct cursor cursor = {.line = line, .count = count};
	struct token token;
	int status = STATUS_OK;

	while (status == STATUS_OK && next_token(&cursor, &token)) {
		if (token.name)
			status = take_option(invocation, &cursor, &token);
	}
	return status;
}

static int check_required(const struct invocation *invocation)
{
	const struct command_option *option = invocation->command->options;

	for (; option && option->name; option++) {
		if (option->required && !is_given(invocation, option->name))
			return complain(invocation->command, "expected --%s %s", option->name,
					option->argument);
	}
	return STATUS_OK;
}

static int take_arguments(struct invocation *invocation)
{
	const struct command *command = invocation->command;
	const struct command_argument *argument = command->arguments;
	size_t i = 0;

	for (; argument && argument->name; argument++) {
		if (i == invocation->argument_count && !argument->optional)
			return complain(command, "expected %s", argument->name);
		if (i == invocation->argument_count)
			break;
		if (argument->param && set_param(invocation->params, argument->param,
						 json_string(invocation->arguments[i]), false) < 0)
			return complain(command, "%s is not UTF-8", argument->name);
		i = argument->repeated ? invocation->argument_count : i + 1;
	}
	if (i < invocation->argument_count)
		return complain(command, "unexpected argument \"%s\"", invocation->arguments[i]);
	return STATUS_OK;
}

int parse_command_line(const char *const *line, size_t count, const struct parsed_words *words,
		       struct invocation *ret)
{
	int status;

	*ret = (struct invocation){
		.command = words->command,
		.arguments = words->words + words->command_words,
		.argument_count = words->count - words->command_words,
		.given = calloc(count + 1, sizeof(*ret->given)),
		.params = json_object(),
	};
	if (!ret->given || !ret->params)
		return complain(words->command, "out of memory");
	status = take_options(ret, line, count);
	if (status == STATUS_OK)
		status = take_arguments(ret);
	return status == STATUS_OK ? check_required(ret) : status;
}

void clear_invocation(struct invocation *invocation)
{
	free(invocation->given);
	json_decref(invocation->params);
}

/* ---- what was given ------------------------------------------------------------------------- */

static const struct given_option *find_given(const struct invocation *invocation, const char *name)
{
	for (size_t i = invocation->given_count; i > 0; i--) {
		if (strcmp(invocation->given[i - 1].option->name, name) == 0)
			return &invocation->given[i - 1];
	}
	return NULL;
}

bool is_given(const struct invocation *invocation, const char *name)
{
	return find_given(invocation, name);
}

const char *given_text(const struct invocation *invocation, const char *name)
{
	const struct given_option *given = find_given(invocation, name);

	return given ? given->value : NULL;
}

long given_number(const struct invocation *invocation, const char *name, long otherwise)
{
	const struct given_option *given = find_given(invocation, name);

	return given ? read_number(given->option, given->value) : otherwise;
}

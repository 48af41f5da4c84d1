/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg: the command. Each subcommand is declared in a file of its own, cmd_*.c; commands.def lists
 * them. Exit status: 0 done, 1 failed or refused, 2 wrong usage.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/completion.h"
#include "hostd/ctl/request.h"
#include "hostd/ctl/usage.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"

/* "vmseg --help", "vmseg help", and both with a command or with the first word of several. */
static int print_help(const struct parsed_words *words)
{
	bool says_help = words->count > 0 && strcmp(words->words[0], "help") == 0;
	const char *const *about = words->words + says_help;
	size_t count = words->count - says_help, used;
	const struct command *command = find_command(about, count, &used);

	if (command)
		print_command_help(command);
	else if (count == 0)
		print_overview(stdout);
	else if (is_command_group(about[0]))
		print_command_group(stdout, about[0]);
	else
		return complain(NULL, "unknown command \"%s\"", about[0]);
	return STATUS_OK;
}

static int complain_about_command(const struct parsed_words *words)
{
	const char *first = words->count > 0 ? words->words[0] : NULL;

	if (!first) {
		print_overview(stderr);
		return complain(NULL, "expected a command");
	}
	if (!is_command_group(first))
		return complain(NULL, "unknown command \"%s\"", first);
	if (words->count == 1) {
		print_command_group(stderr, first);
		return complain(NULL, "expected one of these commands");
	}
	return complain(NULL, "unknown command \"%s %s\"", first, words->words[1]);
}

static int run_command(const char *const *line, size_t count, const struct parsed_words *words)
{
	_cleanup_(clear_invocation) struct invocation invocation = {0};
	int status = parse_command_line(line, count, words, &invocation);

	if (status != STATUS_OK)
		return status;
	return words->command->run ? words->command->run(&invocation) : show_reply(&invocation);
}

int main(int argc, char **argv)
{
	_cleanup_(clear_words) struct parsed_words words = {0};
	const char *const *line = (const char *const *)argv + 1;
	size_t count = argc > 1 ? (size_t)argc - 1 : 0;

	if (count > 0 && strcmp(line[0], "--complete") == 0)
		return complete(line + 1, count - 1);
	if (find_words(line, count, &words) < 0)
		return complain(NULL, "%s", strerror(ENOMEM));
	if (words.wants_help || (words.count > 0 && strcmp(words.words[0], "help") == 0))
		return print_help(&words);
	if (words.wants_version) {
		puts("vmseg " VMSEG_VERSION);
		return STATUS_OK;
	}
	if (!words.command)
		return complain_about_command(&words);
	set_schema_path(getenv("VMSEG_SCHEMA"));
	return run_command(line, count, &words);
}

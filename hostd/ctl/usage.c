/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/usage.h"

#include <ctype.h>
#include <string.h>

#include "hostd/ctl/commands.h"

#define COMMAND_COLUMN 24
#define OPTION_COLUMN  18

/* "  TEXT   help"; a text that is too long has its help on a line of its own. */
static void print_row(FILE *stream, int column, const char *text, const char *help)
{
	fprintf(stream, "  %-*s", column, text);
	if (strlen(text) > (size_t)column)
		fprintf(stream, "\n  %*s", column, "");
	fprintf(stream, " %s\n", help);
}

/* " DOMAIN [NAME] FILE..." */
static void print_arguments(FILE *stream, const struct command_argument *argument)
{
	for (; argument && argument->name; argument++)
		fprintf(stream, argument->optional ? " [%s]%s" : " %s%s", argument->name,
			argument->repeated ? "..." : "");
}

static void print_option(FILE *stream, const struct command_option *option)
{
	char text[64];

	snprintf(text, sizeof(text), "--%s%s%s", option->name, option->argument ? " " : "",
		 option->argument ? option->argument : "");
	print_row(stream, OPTION_COLUMN, text, option->help);
}

static void print_options(FILE *stream, const struct command_option *option)
{
	for (; option && option->name; option++)
		print_option(stream, option);
}

/* " [--limit N] --policy NAME..." */
static void print_option_usage(FILE *stream, const struct command_option *option)
{
	for (; option && option->name; option++) {
		fprintf(stream, option->required ? " --%s" : " [--%s", option->name);
		if (option->argument)
			fprintf(stream, " %s", option->argument);
		fprintf(stream, "%s%s", option->required ? "" : "]", option->repeated ? "..." : "");
	}
}

static void print_command(FILE *stream, const struct command *command)
{
	char text[128] = "";
	FILE *line = fmemopen(text, sizeof(text), "w");

	if (!line)
		return;
	fputs(command->name, line);
	print_arguments(line, command->arguments);
	fclose(line);
	print_row(stream, COMMAND_COLUMN, text, command->help);
}

void print_overview(FILE *stream)
{
	fputs("Usage: vmseg [OPTION]... COMMAND [ARGUMENT]...\n"
	      "Shows and controls the filtering of this host's libvirt domains.\n\n",
	      stream);
	for (size_t i = 0; i < command_count; i++)
		print_command(stream, commands[i]);
	fputs("\nOptions of all commands (vmseg COMMAND --help prints those of one):\n", stream);
	print_options(stream, general_options);
	fputs("\nExit status: 0 done, 1 failed or refused, 2 wrong usage.\n", stream);
}

void print_command_group(FILE *stream, const char *word)
{
	fprintf(stream, "Usage: vmseg %s COMMAND [ARGUMENT]...\n\n", word);
	for (size_t i = 0; i < command_count; i++) {
		if (is_in_group(commands[i], word))
			print_command(stream, commands[i]);
	}
}

void print_command_help(const struct command *command)
{
	printf("Usage: vmseg %s", command->name);
	print_option_usage(stdout, command->options);
	print_arguments(stdout, command->arguments);
	printf("\n%c%s.\n", toupper((unsigned char)command->help[0]), command->help + 1);
	if (command->options)
		puts("\nOptions:");
	print_options(stdout, command->options);
	puts("\nOptions of all commands:");
	print_options(stdout, general_options);
}

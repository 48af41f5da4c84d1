/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/commands.h"

#include <string.h>

#include "hostd/base/cleanup.h"

const struct command *const commands[] = {
#define COMMAND(name) &name##_command,
#include "hostd/ctl/commands.def"
#undef COMMAND
};

const size_t command_count = ARRAY_SIZE(commands);

const struct command_option general_options[] = {
	{"json", .help = "print JSON instead of text"},
	{"socket", .argument = "PATH", .values = VALUES_FILES,
	 .help = "the daemon's socket (or VMSEG_SOCKET; default: from the settings)"},
	{"config", .argument = "FILE", .values = VALUES_FILES,
	 .help = "the settings (default: " VMSEG_SYSCONFDIR "/vmseg/hostd.conf)"},
	{"version", .help = "print the version"},
	{"help", .help = "print the help of vmseg or of a command"},
	{0},
};

bool is_in_group(const struct command *command, const char *word)
{
	size_t length = strlen(word);

	return strncmp(command->name, word, length) == 0 && command->name[length] == ' ';
}

bool is_command_group(const char *word)
{
	for (size_t i = 0; i < command_count; i++) {
		if (is_in_group(commands[i], word))
			return true;
	}
	return false;
}

const struct command *find_command(const char *const *words, size_t count, size_t *ret_words)
{
	for (size_t i = 0; count > 0 && i < command_count; i++) {
		const char *name = commands[i]->name;
		bool in_group = is_in_group(commands[i], words[0]);

		if (in_group ? count < 2 || strcmp(name + strlen(words[0]) + 1, words[1]) != 0
			     : strcmp(name, words[0]) != 0)
			continue;
		*ret_words = in_group ? 2 : 1;
		return commands[i];
	}
	return NULL;
}

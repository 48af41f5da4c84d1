/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of subcommands.
 */
#ifndef VMSEG_COMMANDS_H
#define VMSEG_COMMANDS_H

#include "hostd/ctl/command.h"

#define COMMAND(name) extern const struct command name##_command;
#include "hostd/ctl/commands.def"
#undef COMMAND

extern const struct command *const commands[];
extern const size_t command_count;

/* Options of all subcommands. */
extern const struct command_option general_options[];

/* The command whose name the words begin with; *ret_words is how many words the name has. NULL:
 * there is none. */
const struct command *find_command(const char *const *words, size_t count, size_t *ret_words);

/* Whether the command's name has two words, and this is the first. */
bool is_in_group(const struct command *command, const char *word);
bool is_command_group(const char *word);

#endif

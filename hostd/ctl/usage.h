/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The help, made from what the commands declare.
 */
#ifndef VMSEG_USAGE_H
#define VMSEG_USAGE_H

#include <stdio.h>

#include "hostd/ctl/command.h"

/* All commands, a line each, and the general options. */
void print_overview(FILE *stream);
/* The commands whose name begins with the word: "policy". */
void print_command_group(FILE *stream, const char *word);
/* One command: arguments, options. */
void print_command_help(const struct command *command);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/completion.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/request.h"

/* What is being typed. */
struct typed {
	const char *text;
	const char *kept; /* goes before each word: "--policy=" of "--policy=a" */
	int kept_length;
};

static void offer(const struct typed *typed, const char *word, size_t length)
{
	if (length >= strlen(typed->text) && strncmp(word, typed->text, strlen(typed->text)) == 0)
		printf("%.*s%.*s\n", typed->kept_length, typed->kept, (int)length, word);
}

static void offer_word(const struct typed *typed, const char *word)
{
	offer(typed, word, strlen(word));
}

/* ---- values --------------------------------------------------------------------------------- */

/* Names that the daemon knows: member "name" of the items of a list. Without a daemon: none. */
static void offer_names(const struct typed *typed, const char *method, const char *member)
{
	struct invocation nothing = {.given_count = 0};
	json_t *reply = ask_daemon(&nothing, method, NULL), *item;
	size_t i;

	json_array_foreach(json_object_get(reply, member), i, item)
		offer_word(typed, get_text(item, "name"));
	json_decref(reply);
}

static void offer_devices(const struct typed *typed)
{
	struct if_nameindex *devices = if_nameindex();

	for (struct if_nameindex *device = devices; device && device->if_index; device++)
		offer_word(typed, device->if_name);
	if (devices)
		if_freenameindex(devices);
}

/* The words of "in|out". */
static void offer_listed(const struct typed *typed, const char *list)
{
	while (*list) {
		size_t length = strcspn(list, "|");

		offer(typed, list, length);
		list += length + (list[length] == '|');
	}
}

static void offer_values(const struct typed *typed, enum value_source source, const char *listed)
{
	puts(source == VALUES_FILES ? "files" : "words");
	switch (source) {
	case VALUES_UNKNOWN:
	case VALUES_FILES:
		break;
	case VALUES_LISTED:
		offer_listed(typed, listed);
		break;
	case VALUES_DOMAINS:
		offer_names(typed, "list", "domains");
		break;
	case VALUES_POLICIES:
		offer_names(typed, "policy-list", "policies");
		break;
	case VALUES_PENDING:
		offer_names(typed, "status", "pending");
		break;
	case VALUES_GROUPS:
		offer_names(typed, "group-list", "groups");
		break;
	case VALUES_DEVICES:
		offer_devices(typed);
		break;
	}
}

/* ---- options and commands ------------------------------------------------------------------- */

static void offer_option_list(const struct typed *typed, const struct command_option *option)
{
	for (; option && option->name; option++) {
		char text[64];

		snprintf(text, sizeof(text), "--%s", option->name);
		offer_word(typed, text);
	}
}

static void offer_options(const struct typed *typed, const struct command *command)
{
	puts("words");
	offer_option_list(typed, general_options);
	if (command)
		offer_option_list(typed, command->options);
}

/* The value in "--name=value". */
static void offer_value_of(const struct typed *typed, const struct command *command,
			   const char *equals)
{
	const char *name = typed->text + 2;
	const struct command_option *option = find_option(command, name, (size_t)(equals - name));
	const struct typed value = {equals + 1, typed->text, (int)(equals + 1 - typed->text)};

	offer_values(&value, option ? option->values : VALUES_UNKNOWN, "");
}

/* The first words of all commands, or the second words of those of a group. */
static void offer_commands(const struct typed *typed, const char *group)
{
	puts("words");
	for (size_t i = 0; i < command_count; i++) {
		const char *word = commands[i]->name;
		size_t length = strcspn(word, " ");
		/* Commands of one group follow each other. */
		bool repeats = i > 0 && strncmp(commands[i - 1]->name, word, length + 1) == 0;

		if (group && is_in_group(commands[i], group))
			offer_word(typed, word + length + 1);
		else if (!group && !repeats)
			offer(typed, word, length);
	}
	if (!group)
		offer_word(typed, "help");
}

static void offer_argument(const struct typed *typed, const struct command *command, size_t index)
{
	const struct command_argument *argument = command->arguments;

	for (; argument && argument->name; argument++) {
		if (index == 0 || argument->repeated) {
			offer_values(typed, argument->values, argument->name);
			return;
		}
		index--;
	}
	puts("words");
}

static void offer_word_or_argument(const struct typed *typed, const struct parsed_words *words)
{
	bool is_group = words->count == 1 && is_command_group(words->words[0]);

	if (words->command)
		offer_argument(typed, words->command, words->count - words->command_words);
	else if (words->count == 0 || is_group)
		offer_commands(typed, is_group ? words->words[0] : NULL);
	else
		puts("words");
}

int complete(const char *const *line, size_t count)
{
	const struct typed typed = {.text = count ? line[count - 1] : "", .kept = ""};
	const char *equals = strchr(typed.text, '=');
	struct parsed_words words;

	if (find_words(line, count ? count - 1 : 0, &words) < 0)
		return STATUS_FAILED;
	if (words.unfinished)
		offer_values(&typed, words.unfinished->values, "");
	else if (strncmp(typed.text, "--", 2) == 0 && equals)
		offer_value_of(&typed, words.command, equals);
	else if (typed.text[0] == '-')
		offer_options(&typed, words.command);
	else
		offer_word_or_argument(&typed, &words);
	clear_words(&words);
	return STATUS_OK;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg reload. What could not be taken is on stderr, and the exit status says so.
 */
#include <stdio.h>

#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/output.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/request.h"

/* Settings that need a restart. */
static void print_warnings(const json_t *warnings)
{
	json_t *item;
	size_t i;

	json_array_foreach(warnings, i, item)
		fprintf(stderr, "vmseg: warning: %s\n", json_string_value(item));
}

static void print_refusals(const json_t *reply)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(reply, "bad_files"), i, item)
		fprintf(stderr, "vmseg: %s\n", json_string_value(item));
	json_array_foreach(json_object_get(reply, "stale_domains"), i, item)
		fprintf(stderr, "vmseg: domain %s keeps its old policy: %s\n",
			get_text(item, "domain"), get_text(item, "error"));
}

static int run(const struct invocation *invocation)
{
	json_t *reply = ask_daemon(invocation, "reload", NULL);
	int result = STATUS_OK;

	if (!reply)
		return STATUS_FAILED;
	if (is_given(invocation, "json"))
		print_json(reply);
	else
		printf("%" JSON_INTEGER_FORMAT " domains updated\n", get_number(reply, "updated"));
	escape_texts(reply);
	print_warnings(json_object_get(reply, "warnings"));
	if (json_array_size(json_object_get(reply, "bad_files")) > 0 ||
	    json_array_size(json_object_get(reply, "stale_domains")) > 0) {
		print_refusals(reply);
		result = STATUS_FAILED;
	}
	json_decref(reply);
	return result;
}

const struct command reload_command = {
	.name = "reload",
	.help = "read settings and policies again",
	.run = run,
};

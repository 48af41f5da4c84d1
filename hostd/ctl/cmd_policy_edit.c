/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy apply FILE, delete NAME, confirm [NAME], rollback [NAME]
 */
#include <stdio.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/output.h"
#include "hostd/ctl/policy_argument.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/request.h"

#define CONFIRM_SECONDS_MAX 86400

/* A domain that cannot use the change is a failure, too. */
static int run_edit(const struct invocation *invocation)
{
	const struct command *command = invocation->command;
	json_t *reply = ask_daemon(invocation, command->method, json_incref(invocation->params));
	json_int_t failed = get_number(reply, "failed");

	if (!reply)
		return STATUS_FAILED;
	if (is_given(invocation, "json"))
		print_json(reply);
	else
		command->print(invocation, reply);
	if (failed > 0)
		fprintf(stderr,
			"vmseg: %" JSON_INTEGER_FORMAT
			" domains keep their old policy (vmseg status says why)\n",
			failed);
	json_decref(reply);
	return failed > 0 ? STATUS_FAILED : STATUS_OK;
}

static int run_apply(const struct invocation *invocation)
{
	int status = add_policy_file(invocation->arguments[0], invocation->params);

	return status == STATUS_OK ? run_edit(invocation) : status;
}

static void print_edit(const struct invocation *invocation, const json_t *reply)
{
	const char *name = get_text(reply, "name");
	json_int_t seconds = get_number(reply, "confirm_within");

	printf("%s %s, %" JSON_INTEGER_FORMAT " domains updated\n", name, get_text(reply, "deed"),
	       get_number(reply, "updated"));
	if (seconds)
		printf("rolled back in %" JSON_INTEGER_FORMAT
		       " s unless you run: vmseg policy confirm %s\n",
		       seconds, name);
}

static void print_confirmed(const struct invocation *invocation, const json_t *reply)
{
	_cleanup_free_ char *names = join_texts(json_object_get(reply, "confirmed"), "nothing");

	printf("%s confirmed\n", names ? names : "");
}

static void print_rolled_back(const struct invocation *invocation, const json_t *reply)
{
	_cleanup_free_ char *names = join_texts(json_object_get(reply, "rolled_back"), "nothing");

	printf("%s rolled back, %" JSON_INTEGER_FORMAT " domains updated\n", names ? names : "",
	       get_number(reply, "updated"));
}

/* ---- the commands --------------------------------------------------------------------------- */

static const struct command_argument file_argument[] = {
	{"FILE|-", .values = VALUES_FILES},
	{0},
};

static const struct command_argument policy_argument[] = {
	{"NAME", .param = "name", .values = VALUES_POLICIES},
	{0},
};

/* Without it: all that wait. */
static const struct command_argument pending_argument[] = {
	{"NAME", .param = "name", .values = VALUES_PENDING, .optional = true},
	{0},
};

static const struct command_option apply_options[] = {
	{"confirm", .argument = "SECONDS", .maximum = CONFIRM_SECONDS_MAX, .param = "confirm",
	 .help = "roll the change back after SECONDS unless it is confirmed"},
	{0},
};

const struct command policy_apply_command = {
	.name = "policy apply",
	.help = "create or replace a policy or address set, and use it",
	.arguments = file_argument,
	.options = apply_options,
	.method = "policy-apply",
	.print = print_edit,
	.run = run_apply,
};

const struct command policy_confirm_command = {
	.name = "policy confirm",
	.help = "keep what was applied with --confirm",
	.arguments = pending_argument,
	.method = "policy-confirm",
	.print = print_confirmed,
	.run = run_edit,
};

const struct command policy_rollback_command = {
	.name = "policy rollback",
	.help = "undo now what was applied with --confirm",
	.arguments = pending_argument,
	.method = "policy-rollback",
	.print = print_rolled_back,
	.run = run_edit,
};

const struct command policy_delete_command = {
	.name = "policy delete",
	.help = "delete a policy or address set that nobody uses",
	.arguments = policy_argument,
	.method = "policy-delete",
	.print = print_edit,
	.run = run_edit,
};

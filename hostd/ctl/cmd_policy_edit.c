/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy apply FILE, delete NAME, confirm [NAME], rollback [NAME]
 */
#include <stdio.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/ctl.h"

/* Prints by `print`, or as JSON. A domain that could not follow is a failure, too. */
static int ask_for_edit(const struct invocation *invocation, const char *method, json_t *params,
			void (*print)(const json_t *reply))
{
	json_t *reply = ask_daemon(invocation, method, params, true);
	json_int_t failed = get_number(reply, "failed");

	if (!reply)
		return STATUS_FAILED;
	if (invocation->json)
		print_json(reply);
	else
		print(reply);
	if (failed > 0)
		fprintf(stderr,
			"vmseg: %" JSON_INTEGER_FORMAT
			" domains keep their old policy (vmseg status says why)\n",
			failed);
	json_decref(reply);
	return failed > 0 ? STATUS_FAILED : STATUS_OK;
}

static void print_edit(const json_t *reply)
{
	const char *name = get_text(reply, "name");
	json_int_t seconds = get_number(reply, "confirm_within");

	printf("%s %s, %" JSON_INTEGER_FORMAT " domains updated\n", name, get_text(reply, "deed"),
	       get_number(reply, "updated"));
	if (seconds)
		printf("rolled back in %" JSON_INTEGER_FORMAT
		       " s unless you say: vmseg policy confirm %s\n",
		       seconds, name);
}

int run_policy_apply(const struct invocation *invocation)
{
	json_t *params = pack_policy_file(invocation->arguments[0]);

	if (!params)
		return STATUS_FAILED;
	if (invocation->confirm)
		json_object_set_new(params, "confirm", json_integer(invocation->confirm));
	return ask_for_edit(invocation, "policy-apply", params, print_edit);
}

int run_policy_delete(const struct invocation *invocation)
{
	return ask_for_edit(invocation, "policy-delete",
			    json_pack("{s:s}", "name", invocation->arguments[0]), print_edit);
}

/* The change that the argument names, or all that are pending. */
static json_t *name_change(const struct invocation *invocation)
{
	if (invocation->argument_count == 0)
		return json_object();
	return json_pack("{s:s}", "name", invocation->arguments[0]);
}

static void print_confirmed(const json_t *reply)
{
	_cleanup_free_ char *names = join_texts(json_object_get(reply, "confirmed"), "nothing");

	printf("%s confirmed\n", names ? names : "");
}

static void print_rolled_back(const json_t *reply)
{
	_cleanup_free_ char *names = join_texts(json_object_get(reply, "rolled_back"), "nothing");

	printf("%s rolled back, %" JSON_INTEGER_FORMAT " domains updated\n", names ? names : "",
	       get_number(reply, "updated"));
}

int run_policy_confirm(const struct invocation *invocation)
{
	return ask_for_edit(invocation, "policy-confirm", name_change(invocation), print_confirmed);
}

int run_policy_rollback(const struct invocation *invocation)
{
	return ask_for_edit(invocation, "policy-rollback", name_change(invocation),
			    print_rolled_back);
}

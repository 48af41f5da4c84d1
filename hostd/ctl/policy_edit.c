/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy apply FILE, vmseg policy delete NAME
 */
#include <stdio.h>

#include "hostd/ctl/ctl.h"

static int ask_for_edit(const struct invocation *invocation, const char *method, json_t *params)
{
	json_t *reply = ask_daemon(invocation, method, params, true);
	json_int_t failed = get_number(reply, "failed");

	if (!reply)
		return STATUS_FAILED;
	if (invocation->json)
		print_json(reply);
	else
		printf("%s %s, %" JSON_INTEGER_FORMAT " domains updated\n", get_text(reply, "name"),
		       get_text(reply, "deed"), get_number(reply, "updated"));
	if (failed > 0)
		fprintf(stderr,
			"vmseg: %" JSON_INTEGER_FORMAT
			" domains keep their old policy (vmseg status says why)\n",
			failed);
	json_decref(reply);
	return failed > 0 ? STATUS_FAILED : STATUS_OK;
}

int run_policy_apply(const struct invocation *invocation)
{
	json_t *params = pack_policy_file(invocation->arguments[0]);

	if (!params)
		return STATUS_FAILED;
	return ask_for_edit(invocation, "policy-apply", params);
}

int run_policy_delete(const struct invocation *invocation)
{
	return ask_for_edit(invocation, "policy-delete",
			    json_pack("{s:s}", "name", invocation->arguments[0]));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy show NAME: a policy or set of the daemon's library, in canonical form.
 */
#include <stdio.h>

#include "hostd/ctl/ctl.h"

int run_policy_show(const struct invocation *invocation)
{
	json_t *reply = ask_daemon(invocation, "policy-show",
				   json_pack("{s:s}", "name", invocation->arguments[0]), false);
	int result = STATUS_OK;

	if (!reply)
		return STATUS_FAILED;
	if (invocation->json)
		result = print_json(reply);
	else
		fputs(get_text(reply, "xml"), stdout);
	json_decref(reply);
	return result;
}

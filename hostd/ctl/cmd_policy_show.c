/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy show NAME: a policy or set of the daemon's library, in canonical form.
 */
#include <stdio.h>

#include "hostd/ctl/ctl.h"

static void print_policy(const struct invocation *invocation, const json_t *reply)
{
	fputs(get_text(reply, "xml"), stdout);
}

int run_policy_show(const struct invocation *invocation)
{
	return show_reply(invocation, "policy-show",
			  json_pack("{s:s}", "name", invocation->arguments[0]), false,
			  print_policy);
}

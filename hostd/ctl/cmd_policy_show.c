/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy show NAME: a policy or set of the daemon's library, in canonical form.
 */
#include <stdio.h>

#include "hostd/ctl/commands.h"
#include "hostd/ctl/reply.h"

static void print_policy(const struct invocation *invocation, const json_t *reply)
{
	fputs(get_text(reply, "xml"), stdout);
}

static const struct command_argument arguments[] = {
	{"NAME", .param = "name", .values = VALUES_POLICIES},
	{0},
};

const struct command policy_show_command = {
	.name = "policy show",
	.help = "print a policy or address set in canonical form",
	.arguments = arguments,
	.method = "policy-show",
	.print = print_policy,
};

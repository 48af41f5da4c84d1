/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The request that keeps its connection: events follow the reply, one line each, as they are
 * published.
 */
#include <errno.h>

#include "hostd/control/methods.h"

int answer_monitor(struct control_context *context, const json_t *params, json_t **ret_result,
		   struct diag *diag)
{
	*ret_result = json_object();
	return *ret_result ? 0 : -ENOMEM;
}

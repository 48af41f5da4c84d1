/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A method of the control protocol, and how its answer is worked out.
 */
#ifndef VMSEG_CONTROL_METHOD_H
#define VMSEG_CONTROL_METHOD_H

#include <jansson.h>
#include <stdbool.h>

#include "hostd/base/diag.h"
#include "hostd/control/method_params.h"

struct control_context;

/* An answer that takes longer than others should wait: it is worked out piece by piece, whenever
 * nothing else is to be done. */
struct task {
	/* Does a piece, of milliseconds. Returns 1 with a new reference in *ret_result when that
	 * was the last, 0 when there is more, -errno with an error in diag when it has
	 * failed. */
	int (*work)(struct task *task, json_t **ret_result, struct diag *diag);
	void (*free)(struct task *task);
};

/* One row of the request table. */
struct method {
	const char *name;
	const struct method_param *params; /* NULL: none */
	bool read_only;                    /* changes nothing: also taken on the read socket */
	bool streams; /* after the reply the connection gets every published line */
	/* Returns 0 with a new reference in *ret_result, or -errno with an error in diag. `params`
	 * is an object that check_params() has accepted, or NULL. */
	int (*answer)(struct control_context *context, const json_t *params, json_t **ret_result,
		      struct diag *diag);
	/* In place of `answer`: returns 0 with the task that will, or -errno with an error. */
	int (*begin)(struct control_context *context, const json_t *params, struct task **ret_task,
		     struct diag *diag);
};

#endif

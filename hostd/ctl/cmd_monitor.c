/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg monitor: events, a line each, until interrupted or until the daemon ends.
 */
#include <errno.h>
#include <stdio.h>

#include "hostd/base/cleanup.h"
#include "hostd/control/client.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/output.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/request.h"

#define PATIENCE_SECONDS 10

static void print_event(json_t *event, bool json)
{
	_cleanup_free_ char *text = NULL;

	if (!json && json_object_get(event, "text")) {
		escape_texts(event);
		printf("%s %s%s%s\n", get_text(event, "time"), get_text(event, "domain"),
		       get_text(event, "domain")[0] ? " " : "", get_text(event, "text"));
	} else {
		text = json_dumps(event, JSON_COMPACT);
		puts(text ? text : "{}");
	}
	fflush(stdout);
}

static int run(const struct invocation *invocation)
{
	_cleanup_(close_control) struct control_client client = {.fd = -1};
	_cleanup_free_ char *path = socket_path(invocation, "monitor");
	_cleanup_(clear_diag) struct diag diag = {0};
	json_t *object = NULL;
	int r;

	if (!path)
		return STATUS_FAILED;
	r = connect_control(path, &(struct patience){.timeout = PATIENCE_SECONDS}, &client, &diag);
	if (r == 0)
		r = send_request(&client, "monitor", NULL, &diag);
	if (r == 0)
		r = read_reply(&client, &object, &diag);
	while (r == 0) {
		json_decref(object);
		r = read_stream(&client, &object, &diag);
		if (r == 0)
			print_event(object, is_given(invocation, "json"));
	}
	if (r == -ENODATA) {
		fputs("vmseg: the daemon has ended\n", stderr);
		return STATUS_FAILED;
	}
	return print_error(&diag);
}

const struct command monitor_command = {
	.name = "monitor",
	.help = "print events as they happen, until interrupted",
	.run = run,
};

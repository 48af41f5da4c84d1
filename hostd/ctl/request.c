/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/request.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/config/config.h"
#include "hostd/config/load_config.h"
#include "hostd/control/client.h"
#include "hostd/control/method_access.h"
#include "hostd/ctl/output.h"

#define PATIENCE_SECONDS 60

const char *settings_file(const struct invocation *invocation)
{
	const char *path = given_text(invocation, "config");

	if (path)
		return path;
	return access(CONFIG_FILE, F_OK) == 0 ? CONFIG_FILE : NULL;
}

char *socket_path(const struct invocation *invocation, const char *method)
{
	_cleanup_(free_config) struct config *config = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	const char *path = given_text(invocation, "socket");

	if (!path)
		path = getenv("VMSEG_SOCKET");
	if (path)
		return strdup(path);
	/* A running daemon is not affected by errors that the file has got since: its socket is
	 * most likely at the default place. */
	if (load_config(settings_file(invocation), &config, &diag) < 0) {
		print_error(&diag);
		clear_diag(&diag);
		if (load_config(NULL, &config, &diag) < 0)
			return NULL;
	}
	/* Users who may only read have no access to the control socket. */
	return run_path(config,
			geteuid() != 0 && is_for_readers(method) ? "read.sock" : "control.sock");
}

json_t *ask_daemon(const struct invocation *invocation, const char *method, json_t *params)
{
	_cleanup_free_ char *path = socket_path(invocation, method);
	_cleanup_(clear_diag) struct diag diag = {0};
	json_t *result = NULL;

	if (path &&
	    call_control(path, method, params, &(struct patience){.timeout = PATIENCE_SECONDS},
			 &result, &diag) < 0)
		print_error(&diag);
	json_decref(params);
	return result;
}

int show_reply(const struct invocation *invocation)
{
	const struct command *command = invocation->command;
	json_t *reply = ask_daemon(invocation, command->method, json_incref(invocation->params));
	int result = STATUS_OK;

	if (!reply)
		return STATUS_FAILED;
	if (is_given(invocation, "json")) {
		result = print_json(reply);
	} else if (command->print) {
		escape_texts(reply);
		command->print(invocation, reply);
	}
	json_decref(reply);
	return result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the daemon, and reading what it says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/text.h"
#include "hostd/config/config.h"
#include "hostd/control/client.h"
#include "hostd/ctl/ctl.h"

#define PATIENCE_SECONDS 60

int print_error(struct diag *diag)
{
	char text[4096];
	_cleanup_free_ char *shown = escape_text(diag_message(diag, text, sizeof(text)));

	fprintf(stderr, "vmseg: %s\n", shown ? shown : "out of memory");
	return STATUS_FAILED;
}

static void escape_one(json_t *value)
{
	_cleanup_free_ char *shown = escape_text(json_string_value(value));

	/* Without memory nothing is shown rather than what may do harm. */
	json_string_set(value, shown ? shown : "");
}

static bool is_policy_text(const char *member)
{
	return strcmp(member, "xml") == 0 || strcmp(member, "before") == 0 ||
	       strcmp(member, "after") == 0;
}

void escape_texts(json_t *value)
{
	const char *name;
	json_t *item;
	size_t i;

	if (json_is_string(value))
		escape_one(value);
	json_array_foreach(value, i, item) escape_texts(item);
	json_object_foreach(value, name, item)
	{
		if (!is_policy_text(name))
			escape_texts(item);
	}
}

int print_json(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}

char *socket_path(const struct invocation *invocation, bool changes)
{
	_cleanup_(free_config) struct config *config = NULL;
	_cleanup_(clear_diag) struct diag diag = {0};
	const char *path = invocation->config_path;

	if (invocation->socket)
		return strdup(invocation->socket);
	if (!path && access(CONFIG_FILE, F_OK) == 0)
		path = CONFIG_FILE;
	/* A daemon that runs does not mind what has become of the file since; it is where it was.
	 */
	if (load_config(path, &config, &diag) < 0) {
		print_error(&diag);
		clear_diag(&diag);
		if (load_config(NULL, &config, &diag) < 0)
			return NULL;
	}
	/* Whoever may only read is sent where reading is allowed. */
	return run_path(config, changes || geteuid() == 0 ? "control.sock" : "read.sock");
}

json_t *ask_daemon(const struct invocation *invocation, const char *method, json_t *params,
		   bool changes)
{
	_cleanup_free_ char *path = socket_path(invocation, changes);
	_cleanup_(clear_diag) struct diag diag = {0};
	json_t *result = NULL;

	if (path &&
	    call_control(path, method, params, &(struct patience){.timeout = PATIENCE_SECONDS},
			 &result, &diag) < 0)
		print_error(&diag);
	json_decref(params);
	return result;
}

int show_reply(const struct invocation *invocation, const char *method, json_t *params,
	       bool changes, print_reply print)
{
	json_t *reply = ask_daemon(invocation, method, params, changes);
	int result = STATUS_OK;

	if (!reply)
		return STATUS_FAILED;
	if (invocation->json) {
		result = print_json(reply);
	} else if (print) {
		escape_texts(reply);
		print(invocation, reply);
	}
	json_decref(reply);
	return result;
}

const char *get_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

json_int_t get_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

uint32_t get_vlans(const json_t *object)
{
	return (uint32_t)(get_number(object, "vlan") << 12 | get_number(object, "inner_vlan"));
}

bool get_flag(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name));
}

char *join_texts(const json_t *array, const char *none)
{
	char *text = NULL;
	size_t size, i;
	FILE *stream = open_memstream(&text, &size);
	json_t *item;

	if (!stream)
		return NULL;
	json_array_foreach(array, i, item)
		fprintf(stream, "%s%s", i ? ", " : "", json_string_value(item));
	if (json_array_size(array) == 0)
		fputs(none, stream);
	fclose(stream);
	return text;
}

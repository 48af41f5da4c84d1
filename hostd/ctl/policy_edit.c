/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg policy apply FILE, vmseg policy delete NAME
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/ctl.h"
#include "hostd/policy/model.h"

/* A whole file; "-" is standard input. NULL with the error on stderr. */
static char *read_text(const char *path)
{
	bool is_stdin = strcmp(path, "-") == 0;
	_cleanup_fclose_ FILE *file = is_stdin ? NULL : fopen(path, "re");
	_cleanup_free_ char *text = malloc(POLICY_FILE_MAX + 1);
	FILE *stream = is_stdin ? stdin : file;
	size_t size;

	if (!stream || !text) {
		fprintf(stderr, "vmseg: %s: %s\n", path, strerror(errno));
		return NULL;
	}
	size = fread(text, 1, POLICY_FILE_MAX + 1, stream);
	if (ferror(stream) || size > POLICY_FILE_MAX || memchr(text, '\0', size)) {
		fprintf(stderr, "vmseg: %s: expected a text of at most %d bytes\n", path,
			POLICY_FILE_MAX);
		return NULL;
	}
	text[size] = '\0';
	return TAKE_PTR(text);
}

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
	_cleanup_free_ char *text = read_text(invocation->arguments[0]);
	json_t *params;

	if (!text)
		return STATUS_FAILED;
	params = json_pack("{s:s, s:s}", "xml", text, "source", invocation->arguments[0]);
	if (!params) {
		fprintf(stderr, "vmseg: %s: is not UTF-8\n", invocation->arguments[0]);
		return STATUS_FAILED;
	}
	return ask_for_edit(invocation, "policy-apply", params);
}

int run_policy_delete(const struct invocation *invocation)
{
	return ask_for_edit(invocation, "policy-delete",
			    json_pack("{s:s}", "name", invocation->arguments[0]));
}

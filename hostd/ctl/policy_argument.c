/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/policy_argument.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/command.h"
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

int add_policy_file(const char *path, json_t *params)
{
	_cleanup_free_ char *text = read_text(path);

	if (!text)
		return STATUS_FAILED;
	if (json_object_set_new(params, "xml", json_string(text)) < 0 ||
	    json_object_set_new(params, "source", json_string(path)) < 0) {
		fprintf(stderr, "vmseg: %s: is not UTF-8\n", path);
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/output.h"

#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/text.h"
#include "hostd/ctl/command.h"

int print_error(struct diag *diag)
{
	_cleanup_free_ char *shown = escape_text(diag_message(diag));

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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON strings that are always made.
 */
#include "hostd/base/json_text.h"

#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/text.h"

json_t *json_text(const char *text)
{
	_cleanup_free_ char *copy = NULL;

	if (!text)
		return json_null();
	if (utf8_bytes(text, strlen(text)) == strlen(text))
		return json_string(text);
	copy = strdup(text);
	return copy ? json_string(make_utf8(copy)) : NULL;
}

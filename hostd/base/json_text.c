/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON strings that are always made.
 */
#include "hostd/base/json_text.h"

#include <string.h>

#include "hostd/base/text.h"

json_t *json_text(const char *text)
{
	json_malloc_t allocate;
	json_free_t release;
	json_t *string;
	char *copy;

	if (!text)
		return json_null();
	if (utf8_bytes(text, strlen(text)) == strlen(text))
		return json_string(text);
	/* As all memory of JSON values, so that a failure is counted (json_whole.h). */
	json_get_alloc_funcs(&allocate, &release);
	copy = allocate(strlen(text) + 1);
	if (!copy)
		return NULL;
	string = json_string(make_utf8(strcpy(copy, text)));
	release(copy);
	return string;
}

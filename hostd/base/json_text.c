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
	size_t size;
	char *copy;

	if (!text)
		return json_null();
	if (utf8_bytes(text, strlen(text)) == strlen(text))
		return json_string(text);
	/* As all memory of JSON values, so that a failure is counted (json_whole.h). */
	json_get_alloc_funcs(&allocate, &release);
	size = strlen(text) + 1;
	copy = allocate(size);
	if (!copy)
		return NULL;
	memcpy(copy, text, size);
	string = json_string(make_utf8(copy));
	release(copy);
	return string;
}

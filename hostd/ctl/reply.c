/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/ctl/reply.h"

#include <stdio.h>

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
